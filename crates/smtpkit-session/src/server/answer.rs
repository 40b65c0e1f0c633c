//! One method per kind of answer. Each takes the token of its kind, so each command is answered once.
//!
//! A refusal that is no refusal (a 2yz reply given as `Err`) becomes 451 4.3.0: a caller's mistake never accepts.

use smtpkit_codec::{Reply, ReplyCode};

use super::event::Closed;
use super::machine::Server;
use super::owed::{Owed, owed_for};
use super::refusals::{self, refusal};
use super::state::{Activity, Debt, Phase};

/// Whether a failed AUTH exchange counts as an attempt to guess (RFC 4954 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it counts or it does not")]
pub enum AuthFailure {
    /// Wrong credentials: the session ends after [`ServerLimits::auth_failures_max`](super::ServerLimits) of them.
    Counts,
    /// Anything else, like a temporary failure of the look-up.
    Forgiven,
}

impl Server {
    /// Takes the token's debt off; `false` if the session was closed meanwhile.
    fn settle(&mut self, debt: Debt) -> bool {
        let is_owed = self.activity == Activity::Owing(debt);
        if is_owed {
            self.activity = Activity::Commands;
        }
        is_owed
    }

    /// Answers the connection: the greeting, or a refusal (554, 421) that ends the session once the client quits
    /// (RFC 5321 §3.1).
    pub fn greet(&mut self, _owed: Owed<owed_for::Greeting>, verdict: Result<(), Reply>) {
        if !self.settle(Debt::Greeting) {
            return;
        }
        self.phase = Phase::Fresh;
        match verdict {
            Ok(()) => {
                let greeting = self.greeting();
                self.say(&greeting);
            }
            Err(reply) => self.end(&refusal(reply), Closed::Refused),
        }
    }

    /// Answers EHLO, HELO or LHLO. The list of extensions is the machine's own.
    pub fn hello(&mut self, _owed: Owed<owed_for::Hello>, verdict: Result<(), Reply>) {
        if !self.settle(Debt::Hello) {
            return;
        }
        match verdict {
            Ok(()) => {
                self.phase = Phase::Ready;
                self.announce();
            }
            Err(reply) => self.refuse(refusal(reply)),
        }
    }

    /// Answers STARTTLS. After `Ok` nothing more is read, and [`ServerEvent::Upgrade`](super::ServerEvent) follows
    /// when the reply is written.
    pub fn start_tls(&mut self, _owed: Owed<owed_for::StartTls>, verdict: Result<(), Reply>) {
        if !self.settle(Debt::StartTls) {
            return;
        }
        match verdict {
            Ok(()) => {
                self.say(&refusals::TLS_GO);
                self.activity = Activity::Upgrading;
            }
            Err(reply) => self.say(&refusal(reply)),
        }
    }

    /// Goes on with an AUTH exchange: `challenge` is base64, without the code.
    pub fn auth_challenge(&mut self, owed: Owed<owed_for::Auth>, challenge: &str) {
        let Ok(reply) = Reply::new(ReplyCode::AUTH_CHALLENGE, None, challenge) else {
            return self.auth_refused(owed, refusals::LOCAL_ERROR, AuthFailure::Forgiven);
        };
        if self.settle(Debt::Auth) {
            self.say(&reply);
            self.activity = Activity::AuthLine;
        }
    }

    /// Ends an AUTH exchange well.
    pub fn auth_accepted(&mut self, _owed: Owed<owed_for::Auth>) {
        if self.settle(Debt::Auth) {
            self.is_authenticated = true;
            self.say(&refusals::AUTH_OK);
        }
    }

    /// Ends an AUTH exchange with a refusal.
    pub fn auth_refused(&mut self, _owed: Owed<owed_for::Auth>, reply: Reply, failure: AuthFailure) {
        if !self.settle(Debt::Auth) {
            return;
        }
        if failure == AuthFailure::Forgiven {
            return self.refuse(refusal(reply));
        }
        self.counters.auth_failures = self.counters.auth_failures.saturating_add(1);
        if self.counters.auth_failures >= self.config.limits.auth_failures_max {
            self.end(&refusals::AUTH_LIMIT, Closed::TooManyAuthFailures);
        } else {
            self.refuse(refusal(reply));
        }
    }

    /// Answers MAIL.
    pub fn mail(&mut self, _owed: Owed<owed_for::Mail>, verdict: Result<(), Reply>) {
        if !self.settle(Debt::Mail) {
            return;
        }
        match verdict {
            Ok(()) => {
                self.phase = Phase::Mail;
                self.counters.transactions = self.counters.transactions.saturating_add(1);
                self.say(&refusals::MAIL_OK);
            }
            Err(reply) => {
                self.reset_transaction();
                self.refuse(refusal(reply));
            }
        }
    }

    /// Answers RCPT.
    pub fn rcpt(&mut self, _owed: Owed<owed_for::Rcpt>, verdict: Result<(), Reply>) {
        if !self.settle(Debt::Rcpt) {
            return;
        }
        match verdict {
            Ok(()) => {
                self.phase = Phase::Recipients;
                self.reception.recipients = self.reception.recipients.saturating_add(1);
                self.say(&refusals::RCPT_OK);
            }
            Err(reply) => {
                self.counters.recipients_refused = self.counters.recipients_refused.saturating_add(1);
                self.refuse(refusal(reply));
            }
        }
    }

    /// Answers XCLIENT or XFORWARD. After an accepted XCLIENT the session starts anew, with a greeting.
    pub fn proxied(&mut self, _owed: Owed<owed_for::Proxy>, verdict: Result<(), Reply>) {
        let is_xclient = self.settle(Debt::Xclient);
        if !is_xclient && !self.settle(Debt::Xforward) {
            return;
        }
        match verdict {
            Ok(()) if is_xclient => {
                self.phase = Phase::Fresh;
                self.is_extended = false;
                self.is_authenticated = false;
                let greeting = self.greeting();
                self.say(&greeting);
            }
            Ok(()) => self.say(&refusals::OK),
            Err(reply) => self.refuse(refusal(reply)),
        }
    }

    /// Answers DATA or the first BDAT: whether the content may come.
    pub fn content(&mut self, _owed: Owed<owed_for::Data>, verdict: Result<(), Reply>) {
        if !self.settle(Debt::Data) {
            return;
        }
        match (self.reception.chunk.is_some(), verdict) {
            (true, Ok(())) => self.start_chunk(),
            (true, Err(reply)) => self.refuse_chunk(refusal(reply)),
            (false, Ok(())) => {
                self.say(&refusals::START_CONTENT);
                self.start_data();
            }
            (false, Err(reply)) => {
                self.reset_transaction();
                self.refuse(refusal(reply));
            }
        }
    }

    /// Answers the content with one verdict for all recipients. The reply of `Ok` must be a 2yz one.
    pub fn message(&mut self, owed: Owed<owed_for::Message>, verdict: Result<Reply, Reply>) {
        self.message_each(owed, |_| verdict.clone());
    }

    /// Answers the content: `verdict_of` is asked once for each reply that is owed ([`replies_owed`](Self::replies_owed)),
    /// with LMTP in the order of the accepted recipients (RFC 2033 §4.2).
    pub fn message_each(
        &mut self,
        _owed: Owed<owed_for::Message>,
        mut verdict_of: impl FnMut(u32) -> Result<Reply, Reply>,
    ) {
        if !self.settle(Debt::Message) {
            return;
        }
        let replies = self.replies_owed();
        self.reset_transaction();
        for index in 0..replies {
            match verdict_of(index) {
                Ok(reply) if reply.code().get() / 100 == 2 => {
                    self.forgive();
                    self.say(&reply);
                }
                Ok(_) => self.say(&refusals::LOCAL_ERROR),
                // Content that is refused for what it says is no error of the dialogue.
                Err(reply) => self.say(&refusal(reply)),
            }
        }
        if self.counters.errors == 0 {
            self.counters.messages = self.counters.messages.saturating_add(1);
        }
    }

    /// A delivered message shows that the client means well.
    const fn forgive(&mut self) {
        self.counters.errors = 0;
        self.counters.idle_commands = 0;
    }
}
