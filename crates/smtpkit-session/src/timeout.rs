//! Every time-out by the name that RFC 5321 §4.5.3.2 gives it, and the two limits that stop a slow peer.
//!
//! No other file of the workspace names a protocol time-out.

use core::time::Duration;

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

/// How long the sending side waits for the receiving one (RFC 5321 §4.5.3.2.1 – §4.5.3.2.6).
///
/// ```
/// use core::time::Duration;
/// use smtpkit_session::timeout::ClientTimeouts;
///
/// let quick = ClientTimeouts { initial_220: Duration::from_secs(30), ..ClientTimeouts::default() };
/// assert_eq!(quick.data_termination, Duration::from_secs(600));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTimeouts {
    /// For the greeting (§4.5.3.2.1): 5 minutes.
    pub initial_220: Duration,
    /// For the reply to EHLO, HELO, LHLO, STARTTLS, AUTH, RSET, NOOP and VRFY, which the RFC does not name: 5 minutes.
    pub command: Duration,
    /// For the reply to MAIL (§4.5.3.2.2): 5 minutes.
    pub mail: Duration,
    /// For the reply to RCPT (§4.5.3.2.3): 5 minutes.
    pub rcpt: Duration,
    /// For the 354 after DATA (§4.5.3.2.4): 2 minutes.
    pub data_initiation: Duration,
    /// For one block of content to be taken (§4.5.3.2.5): 3 minutes.
    pub data_block: Duration,
    /// For the reply after the content (§4.5.3.2.6): 10 minutes.
    pub data_termination: Duration,
    /// For the reply to QUIT; a courtesy, so short: 5 seconds.
    pub quit: Duration,
    /// For one whole mail transaction, whatever the parts took; `None` sets no limit.
    pub transaction: Option<Duration>,
    /// The slowest rate, in octets a second, at which a peer may take content, averaged from its start and first
    /// measured when [`data_block`](Self::data_block) has passed: 16; 0 sets no limit.
    pub content_octets_per_second_min: u32,
}

impl Default for ClientTimeouts {
    fn default() -> Self {
        Self {
            initial_220: minutes(5),
            command: minutes(5),
            mail: minutes(5),
            rcpt: minutes(5),
            data_initiation: minutes(2),
            data_block: minutes(3),
            data_termination: minutes(10),
            quit: Duration::from_secs(5),
            transaction: None,
            content_octets_per_second_min: 16,
        }
    }
}

/// How long the receiving side waits for the sending one (RFC 5321 §4.5.3.2.7).
///
/// ```
/// use smtpkit_session::timeout::ServerTimeouts;
///
/// let pressed = ServerTimeouts::under_pressure();
/// assert!(pressed.command < ServerTimeouts::default().command);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTimeouts {
    /// For the next command (§4.5.3.2.7): 5 minutes.
    pub command: Duration,
    /// For the CRLF after a bare LF in a command, when nothing more comes: 2 seconds. Then the client is told that lines
    /// end with CRLF, as it may wait for an answer; the line goes on.
    pub line_end: Duration,
    /// For the next octets of content (§4.5.3.2.5 seen from the other side): 3 minutes.
    pub data_block: Duration,
    /// For the peer to take the replies that wait to be written: 5 minutes.
    pub reply: Duration,
    /// For the whole connection; `None` sets no limit.
    pub session: Option<Duration>,
    /// How long the reply to an error is held back once a session has made more errors than are answered at once:
    /// 1 second. The second of them waits twice as long, the third three times, as far as
    /// [`error_delay_max`](Self::error_delay_max) lets it.
    pub error_delay: Duration,
    /// How long it is held back at most: 1 second, so that the delay does not grow; more makes a tarpit.
    pub error_delay_max: Duration,
    /// The slowest rate, in octets a second, at which content may come in, averaged from its start and first
    /// measured when [`data_block`](Self::data_block) has passed; 0 sets no limit.
    pub content_octets_per_second_min: u32,
}

impl Default for ServerTimeouts {
    fn default() -> Self {
        Self {
            command: minutes(5),
            line_end: Duration::from_secs(2),
            data_block: minutes(3),
            reply: minutes(5),
            session: Some(minutes(24 * 60)),
            error_delay: Duration::from_secs(1),
            error_delay_max: Duration::from_secs(1),
            content_octets_per_second_min: 16,
        }
    }
}

impl ServerTimeouts {
    /// What a server falls back to when nearly all its connections are taken: below the minima of the RFC, which is
    /// better than refusing everybody.
    pub fn under_pressure() -> Self {
        Self {
            command: Duration::from_secs(15),
            line_end: Duration::from_secs(2),
            data_block: Duration::from_secs(30),
            reply: Duration::from_secs(30),
            session: Some(minutes(30)),
            error_delay: Duration::from_secs(1),
            error_delay_max: Duration::from_secs(1),
            content_octets_per_second_min: 128,
        }
    }

    /// How long the reply to the error number `surplus` beyond those that are answered at once is held back.
    #[must_use]
    pub fn delay_of_error(&self, surplus: u32) -> Duration {
        self.error_delay.saturating_mul(surplus).min(self.error_delay_max)
    }

    /// The same time-outs where they are shorter than those of `other`, and those of `other` where these are.
    #[must_use]
    pub fn shorter_of(&self, other: &Self) -> Self {
        let session = [self.session, other.session].into_iter().flatten().min();
        Self {
            command: self.command.min(other.command),
            line_end: self.line_end.min(other.line_end),
            data_block: self.data_block.min(other.data_block),
            reply: self.reply.min(other.reply),
            session,
            error_delay: self.error_delay.min(other.error_delay),
            error_delay_max: self.error_delay_max.min(other.error_delay_max),
            content_octets_per_second_min: self
                .content_octets_per_second_min
                .max(other.content_octets_per_second_min),
        }
    }
}
