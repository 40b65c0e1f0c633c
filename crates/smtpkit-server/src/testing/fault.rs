//! Where a test server fails, how, and how often.

use std::time::Duration;

use smtpkit_codec::{Recipient, Reply, ReplyCode, Severity};

use super::TestError;

/// A place in a session where a [`Fault`] can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// The client connected and waits for the greeting.
    Greeting,
    /// EHLO, HELO or LHLO.
    Hello,
    /// A TLS handshake was done.
    Tls,
    /// The client proved who it is, and waits for the 235.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA or the first BDAT.
    Data,
    /// The first octets of the content are there.
    Content,
    /// The content is complete, and not yet recorded. With LMTP this is where each recipient is answered.
    EndOfContent,
    /// The message is recorded, and its 250 not yet said: what a client sees whose server dies at the worst moment.
    Recorded,
}

/// Something that goes wrong at a step, once for each time that the step is reached, or fewer times.
///
/// ```
/// use std::time::Duration;
/// use smtpkit_server::testing::{Fault, Step};
///
/// let _full = Fault::refuse(Step::Rcpt, 452, "4.2.2 mailbox full")?.for_recipient("bob@example.test");
/// let _slow = Fault::delay(Step::Data, Duration::from_millis(50));
/// let _lost = Fault::disconnect(Step::Recorded).times(1);
/// # Ok::<(), smtpkit_server::testing::TestError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    step: Step,
    effect: Effect,
    /// `None`: no end.
    left: Option<u32>,
    recipient: Option<Box<str>>,
}

/// What a fault does.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    Refuse(Reply),
    Disconnect,
    Delay(Duration),
}

impl Fault {
    /// The step is refused with this reply. An enhanced status code may stand at the front of `text`.
    ///
    /// # Errors
    /// [`TestError::NoRefusal`] if this is no 4yz or 5yz reply.
    pub fn refuse(step: Step, code: u16, text: &str) -> Result<Self, TestError> {
        let reply = ReplyCode::new(code)
            .and_then(|code| Reply::new(code, None, text).ok())
            .filter(|reply| {
                matches!(reply.severity(), Severity::TransientNegative | Severity::PermanentNegative)
            })
            .ok_or_else(|| TestError::NoRefusal { code, text: text.to_owned() })?;
        Ok(Self::of(step, Effect::Refuse(reply)))
    }

    /// The connection is cut at the step, without a word.
    pub const fn disconnect(step: Step) -> Self {
        Self::of(step, Effect::Disconnect)
    }

    /// The step takes so much longer, and then goes on.
    pub const fn delay(step: Step, delay: Duration) -> Self {
        Self::of(step, Effect::Delay(delay))
    }

    const fn of(step: Step, effect: Effect) -> Self {
        Self { step, effect, left: None, recipient: None }
    }

    /// The fault strikes so many times and is over then.
    #[must_use]
    pub const fn times(mut self, times: u32) -> Self {
        self.left = Some(times);
        self
    }

    /// The fault strikes only for this address: at [`Step::Rcpt`], and with LMTP at [`Step::EndOfContent`].
    #[must_use]
    pub fn for_recipient(mut self, address: &str) -> Self {
        self.recipient = Some(Box::from(address));
        self
    }

    /// What happens at `step`, if this fault is for it. Counts.
    pub(super) fn strike(&mut self, step: Step, recipient: Option<&Recipient>) -> Option<Effect> {
        let is_for = self.recipient.as_deref().is_none_or(|address| {
            let mailbox = recipient.and_then(|recipient| recipient.path.as_ref().mailbox());
            mailbox.is_some_and(|mailbox| mailbox.to_string().eq_ignore_ascii_case(address))
        });
        if self.step != step || !is_for || self.left == Some(0) {
            return None;
        }
        self.left = self.left.map(|left| left - 1);
        Some(self.effect.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_at_its_step_as_often_as_it_was_told() {
        let mut fault = Fault::disconnect(Step::Mail).times(2);
        let strikes =
            [Step::Hello, Step::Mail, Step::Mail, Step::Mail].map(|step| fault.strike(step, None).is_some());
        assert_eq!(strikes, [false, true, true, false]);
    }

    #[test]
    fn a_fault_of_one_recipient_spares_the_others() {
        let mut fault = Fault::disconnect(Step::Rcpt).for_recipient("Bob@example.test");
        let recipient = |path: &str| Recipient::from(path.parse::<smtpkit_codec::ForwardPath>().unwrap());
        assert!(fault.strike(Step::Rcpt, Some(&recipient("<carol@example.test>"))).is_none());
        assert!(fault.strike(Step::Rcpt, Some(&recipient("<bob@example.test>"))).is_some());
        assert!(fault.strike(Step::Rcpt, None).is_none());
    }

    #[test]
    fn only_a_refusal_refuses() {
        for (code, text) in [(250, "fine"), (354, "go"), (99, "what"), (450, "a\r\nb")] {
            let error = Fault::refuse(Step::Mail, code, text).unwrap_err();
            assert_eq!(error.to_string(), format!("{code} {text:?} is no refusal"));
        }
    }
}
