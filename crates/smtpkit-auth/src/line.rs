//! How SASL octets travel in SMTP lines (RFC 4954 §4).
//!
//! ```abnf
//! initial-response  = base64 / "="          ; after AUTH and the mechanism; "=" is the empty response
//! continue-req      = "334" SP [base64] CRLF
//! cancel-response   = "*" CRLF              ; in place of a response
//! ```
//!
//! Everything here is text without its CRLF and without `334 `. Base64 is the one spelling of RFC 4648:
//! padding required, no white space, no stray bits; anything else is an error that a server answers with 501.

use base64::DecodeError;
use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::{FailureReply, Secret};

/// The longest line of an exchange, in octets with its CRLF (RFC 4954 §4).
pub const LINE_OCTETS_MAX: usize = 12_288;

/// The longest AUTH command, in octets with its CRLF (RFC 4954 §4, RFC 5321 §4.5.3.1.4).
pub const COMMAND_OCTETS_MAX: usize = 512;

/// What a client sends to cancel an exchange (RFC 4954 §4).
pub const CANCEL: &str = "*";

/// What a client sent in reply to a challenge.
#[expect(clippy::exhaustive_enums, reason = "RFC 4954 §4 allows nothing else")]
pub enum ResponseLine {
    /// A response, decoded.
    Response(Secret),
    /// `*`: the client gave up, which is answered with 501.
    Cancel,
}

/// Reads the initial response of an AUTH command, given that there is one.
///
/// # Errors
/// [`LineError`] if it is not base64, is empty (`=` is the empty response), or is too long.
///
/// ```
/// use smtpkit_auth::line;
/// assert_eq!(line::decode_initial("AGEAYg==")?.expose(), b"\0a\0b");
/// assert!(line::decode_initial("=")?.is_empty());
/// assert!(line::decode_initial("").is_err());
/// # Ok::<(), line::LineError>(())
/// ```
pub fn decode_initial(argument: &str) -> Result<Secret, LineError> {
    match argument {
        "=" => Ok(Secret::new([])),
        "" => Err(LineError::Missing),
        base64 => decode(base64),
    }
}

/// Reads a client's line after a 334 reply.
///
/// # Errors
/// [`LineError`] if it is not base64 or is too long.
///
/// ```
/// use smtpkit_auth::line::{self, ResponseLine};
/// assert!(matches!(line::decode_response("*")?, ResponseLine::Cancel));
/// assert!(matches!(line::decode_response("")?, ResponseLine::Response(empty) if empty.is_empty()));
/// # Ok::<(), line::LineError>(())
/// ```
pub fn decode_response(line: &str) -> Result<ResponseLine, LineError> {
    if line == CANCEL { Ok(ResponseLine::Cancel) } else { decode(line).map(ResponseLine::Response) }
}

/// Reads the text of a 334 reply.
///
/// # Errors
/// [`LineError`] if it is not base64 or is too long; the client must then cancel (RFC 4954 §4).
///
/// ```
/// assert_eq!(smtpkit_auth::line::decode_challenge("VXNlcm5hbWU6")?.expose(), b"Username:");
/// # Ok::<(), smtpkit_auth::line::LineError>(())
/// ```
pub fn decode_challenge(text: &str) -> Result<Secret, LineError> {
    decode(text)
}

/// Writes an initial response; the empty one becomes `=`.
///
/// ```
/// assert_eq!(smtpkit_auth::line::encode_initial(b"").expose(), b"=");
/// ```
pub fn encode_initial(response: &[u8]) -> Secret {
    if response.is_empty() { Secret::from("=") } else { encode_response(response) }
}

/// Writes a response.
///
/// ```
/// assert_eq!(smtpkit_auth::line::encode_response(b"user").expose(), b"dXNlcg==");
/// ```
pub fn encode_response(response: &[u8]) -> Secret {
    Secret::from(BASE64_STANDARD.encode(response))
}

/// Writes the text of a 334 reply.
///
/// ```
/// assert_eq!(smtpkit_auth::line::encode_challenge(b"Password:"), "UGFzc3dvcmQ6");
/// ```
pub fn encode_challenge(challenge: &[u8]) -> String {
    BASE64_STANDARD.encode(challenge)
}

/// Whether `AUTH mechanism initial-response` stays within [`COMMAND_OCTETS_MAX`].
pub(crate) fn fits_command(mechanism: &str, initial: &[u8]) -> bool {
    let base64 = initial.len().div_ceil(3) * 4;
    "AUTH ".len() + mechanism.len() + " ".len() + base64.max(1) + "\r\n".len() <= COMMAND_OCTETS_MAX
}

fn decode(base64: &str) -> Result<Secret, LineError> {
    if base64.len() + "\r\n".len() > LINE_OCTETS_MAX {
        return Err(LineError::TooLong);
    }
    BASE64_STANDARD.decode(base64).map(Secret::from).map_err(|error| match error {
        DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol { offset: at, .. } => {
            LineError::NotBase64 { at }
        }
        _ => LineError::NotBase64 { at: base64.len() },
    })
}

/// Why a line of an exchange was refused. It never holds a part of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// The peer sent something that is not strict base64.
    #[error("not base64 at offset {at}")]
    NotBase64 {
        /// Where it stops being base64, in octets.
        at: usize,
    },
    /// The peer's line is longer than [`LINE_OCTETS_MAX`].
    #[error("a line of an authentication exchange has at most {LINE_OCTETS_MAX} octets")]
    TooLong,
    /// An initial response without content; the empty one is written `=`.
    #[error("an empty initial response is written =")]
    Missing,
}

impl LineError {
    /// What a server owes for it: 500 5.5.6 for a long line (RFC 4954 §4, §6), else 501 5.5.2.
    pub fn reply(self) -> FailureReply {
        match self {
            Self::TooLong => FailureReply {
                code: 500,
                enhanced: (5, 5, 6),
                text: "Authentication exchange line is too long",
            },
            Self::NotBase64 { .. } | Self::Missing => {
                FailureReply { code: 501, enhanced: (5, 5, 2), text: "Cannot decode base64" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_one_spelling() {
        fn check(input: &str, expected: Result<&[u8], LineError>) {
            assert_eq!(
                decode_challenge(input).as_ref().map(Secret::expose),
                expected.as_ref().copied(),
                "{input:?}"
            );
        }
        check("", Ok(b""));
        check("YQ==", Ok(b"a"));
        check("YWI=", Ok(b"ab"));
        check("YWJj", Ok(b"abc"));
        check("+/+/", Ok(b"\xfb\xff\xbf"));
        check("YQ", Err(LineError::NotBase64 { at: 2 }));
        check("YR==", Err(LineError::NotBase64 { at: 1 }));
        check("Y Q==", Err(LineError::NotBase64 { at: 1 }));
        check("YQ== ", Err(LineError::NotBase64 { at: 4 }));
        check("-_-_", Err(LineError::NotBase64 { at: 0 }));
        check("=", Err(LineError::NotBase64 { at: 0 }));
    }

    #[test]
    fn star_cancels_only_as_the_whole_line() {
        assert!(matches!(decode_response("*"), Ok(ResponseLine::Cancel)));
        assert_eq!(decode_response("* ").err(), Some(LineError::NotBase64 { at: 0 }));
        assert_eq!(decode_initial("*").err(), Some(LineError::NotBase64 { at: 0 }));
    }

    #[test]
    fn line_limit_counts_crlf() {
        let longest = "A".repeat(LINE_OCTETS_MAX - 4);
        assert!(decode_challenge(&longest).is_ok());
        assert_eq!(decode_challenge(&"A".repeat(LINE_OCTETS_MAX)).err(), Some(LineError::TooLong));
        assert_eq!(LineError::TooLong.reply().code, 500);
    }

    #[test]
    fn command_limit_is_512_octets() {
        // "AUTH PLAIN " and CRLF are 13 octets; 124 groups of 4 base64 characters make 509
        assert!(fits_command("PLAIN", &[0; 372]));
        assert!(!fits_command("PLAIN", &[0; 373]));
    }
}
