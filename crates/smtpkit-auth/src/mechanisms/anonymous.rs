//! ANONYMOUS (RFC 4505): nobody in particular, with a trace that proves nothing.
//!
//! Off unless asked for on both sides; a server's verifier must say what the nobody may do.

use super::one_response::OneResponse;
use super::{Exposure, Row};
use crate::client::ClientHalf;
use crate::credentials::{Credentials, Proof, ProofKind};
use crate::server::{ServerHalf, ServerStep};
use crate::{Answer, AuthError, Failure, Mechanism, Query};

pub(super) const ROW: Row = Row {
    mechanism: Mechanism::ANONYMOUS,
    proof: ProofKind::Anonymous,
    exposure: Exposure::Nothing,
    says_authorization: false,
    server_first: false,
    by_default: false,
    client: |credentials, _| client(credentials),
    server: |_| Box::new(Server),
};

/// The longest trace, in characters (RFC 4505 §2).
const TRACE_CHARACTERS_MAX: usize = 255;

fn is_trace(text: &str) -> bool {
    text.chars().count() <= TRACE_CHARACTERS_MAX && !text.contains(char::is_control)
}

fn client(credentials: &Credentials) -> Result<Box<dyn ClientHalf>, AuthError> {
    match &credentials.proof {
        Proof::Anonymous { trace } if is_trace(trace) => Ok(OneResponse::boxed(trace.as_str().into())),
        Proof::Anonymous { .. } => Err(AuthError::Unusable("trace")),
        _ => Err(AuthError::WrongCredentials(Mechanism::ANONYMOUS)),
    }
}

struct Server;

impl ServerHalf for Server {
    fn respond(&mut self, response: &[u8]) -> ServerStep {
        match core::str::from_utf8(response) {
            Ok(trace) if is_trace(trace) => ServerStep::LookUp(Query::Anonymous { trace: trace.to_owned() }),
            _ => ServerStep::Failed(Failure::Malformed("a trace has at most 255 printable UTF-8 characters")),
        }
    }

    fn answer(&mut self, answer: Answer) -> ServerStep {
        match answer {
            Answer::Identity(identity) => ServerStep::Done(identity),
            Answer::Unknown => ServerStep::Failed(Failure::Credentials),
            Answer::Account(_) | Answer::TemporaryFailure => ServerStep::Failed(Failure::Misuse),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn example_of_rfc_4505_section_3() {
        assert_eq!(testing::initial(&Mechanism::ANONYMOUS, &Credentials::anonymous("sirhc")), b"sirhc");
        assert_eq!(testing::serve(&Mechanism::ANONYMOUS, &[b"sirhc"]).as_deref(), Ok("anonymous"));
    }

    #[test]
    fn trace_is_bounded_on_both_sides() {
        let malformed = Failure::Malformed("a trace has at most 255 printable UTF-8 characters");
        for trace in ["x".repeat(256), "a\nb".to_owned(), "a\0".to_owned()] {
            assert_eq!(testing::serve(&Mechanism::ANONYMOUS, &[trace.as_bytes()]), Err(malformed));
            let refused = testing::start(&Mechanism::ANONYMOUS, &Credentials::anonymous(trace));
            assert_eq!(refused.err(), Some(AuthError::Unusable("trace")));
        }
        assert!(testing::serve(&Mechanism::ANONYMOUS, &["é".repeat(255).as_bytes()]).is_ok());
    }
}
