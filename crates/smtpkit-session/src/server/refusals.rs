//! The replies that the machine gives by itself. Their texts are for people; clients read the codes.

use smtpkit_codec::{EnhancedStatusCode, Reply, ReplyCode, StatusClass};

macro_rules! replies {
    ($($name:ident = $code:literal, $subject:literal, $detail:literal, $text:literal;)*) => {
        $(pub(super) const $name: Reply = fixed($code, $subject, $detail, $text);)*
    };
}

/// A reply with an enhanced code, whose class is that of the reply code (RFC 2034 §4).
const fn fixed(code: u16, subject: u16, detail: u16, text: &'static str) -> Reply {
    let code = ReplyCode::new(code).expect("invariant: every code in this file is a reply code");
    let enhanced = match StatusClass::of(code.severity()) {
        Some(class) => EnhancedStatusCode::new(class, subject, detail),
        None => None,
    };
    Reply::fixed(code, enhanced, text)
}

replies! {
    // order (RFC 5321 §4.1.4)
    HELLO_FIRST = 503, 5, 1, "send EHLO first";
    NESTED_MAIL = 503, 5, 1, "a mail transaction is in progress";
    IN_TRANSACTION = 503, 5, 1, "not during a mail transaction";
    NO_MAIL = 503, 5, 1, "send MAIL first";
    NO_RCPT = 503, 5, 1, "send RCPT first";
    NO_VALID_RCPT = 554, 5, 1, "no valid recipients";
    AMID_CHUNKS = 503, 5, 1, "more BDAT chunks are expected";
    SPOILED = 503, 5, 1, "a chunk was refused, send RSET";
    DATA_FOR_BINARY = 503, 5, 1, "BODY=BINARYMIME needs BDAT";
    // commands that this server does not speak
    UNKNOWN_COMMAND = 500, 5, 1, "command not known";
    NOT_IMPLEMENTED = 502, 5, 1, "command not implemented";
    LHLO_HERE = 500, 5, 1, "this is LMTP, send LHLO";
    LHLO_THERE = 500, 5, 1, "this is SMTP, send EHLO";
    EARLY_TALKER = 521, 5, 1, "protocol error: you spoke before your turn";
    // TLS and AUTH (RFC 3207 §4, RFC 4954 §4, §6)
    TLS_ACTIVE = 503, 5, 1, "TLS is already active";
    TLS_UNAVAILABLE = 502, 5, 1, "TLS is not offered";
    TLS_FIRST = 530, 7, 0, "send STARTTLS first";
    TLS_PLAINTEXT = 554, 5, 1, "nothing may follow STARTTLS before the handshake";
    AUTH_FIRST = 530, 7, 0, "authentication required";
    TLS_THEN_AUTH_FIRST = 530, 7, 0, "authentication required, send STARTTLS and then AUTH";
    AUTH_UNAVAILABLE = 502, 5, 1, "AUTH is not offered";
    AUTH_ENCRYPTION = 538, 7, 11, "encryption required for authentication, send STARTTLS first";
    AUTH_AGAIN = 503, 5, 1, "already authenticated";
    AUTH_CANCELLED = 501, 7, 0, "authentication cancelled";
    AUTH_LIMIT = 421, 7, 0, "too many authentication failures";
    // parameters (RFC 5321 §4.1.1.11 and the extensions)
    NO_PARAMETER = 555, 5, 4, "parameter not offered";
    NEEDS_SMTPUTF8 = 553, 6, 7, "a non-ASCII address needs SMTPUTF8";
    TOO_BIG = 552, 3, 4, "message is larger than this server takes";
    TOO_MANY_RCPTS = 452, 5, 3, "too many recipients";
    TOO_MANY_MAILS = 421, 5, 3, "too many messages in one session";
    REQUIRETLS_PLAINTEXT = 530, 7, 10, "REQUIRETLS needs TLS";
    // content
    BARE_CR = 550, 6, 0, "bare CR in the message, lines end with CRLF";
    BARE_LF = 550, 6, 0, "bare LF in the message, lines end with CRLF";
    NUL = 550, 6, 0, "NUL in the message";
    // limits and time
    TOO_MANY_ERRORS = 421, 7, 0, "too many errors";
    TIMED_OUT = 421, 4, 2, "timed out";
    TOO_SLOW = 421, 4, 2, "content comes too slowly";
    DRAINING = 421, 3, 2, "service shuts down, try again";
    LOCAL_ERROR = 451, 3, 0, "local error, try again";
    // completions
    HELP = 214, 0, 0, "commands: EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT STARTTLS AUTH";
    VRFY = 252, 1, 5, "send mail and see";
    OK = 250, 0, 0, "ok";
    MAIL_OK = 250, 1, 0, "ok";
    RCPT_OK = 250, 1, 5, "ok";
    CHUNK_OK = 250, 0, 0, "chunk taken";
    BYE = 221, 0, 0, "bye";
    TLS_GO = 220, 0, 0, "go ahead";
    AUTH_OK = 235, 7, 0, "authenticated";
}

/// The go-ahead for DATA has no enhanced code: RFC 2034 §4 wants one on 2yz, 4yz and 5yz only.
pub(super) const START_CONTENT: Reply =
    Reply::fixed(ReplyCode::START_MAIL_INPUT, None, "end with <CR><LF>.<CR><LF>");

/// A refusal that a caller gave, or 451 if it is none: a caller's mistake must not accept a command.
pub(super) fn refusal(reply: Reply) -> Reply {
    use smtpkit_codec::Severity::{PermanentNegative, TransientNegative};
    if matches!(reply.severity(), TransientNegative | PermanentNegative) { reply } else { LOCAL_ERROR }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_positive_refusal_is_a_local_error() {
        assert_eq!(refusal(OK).code().get(), 451);
        assert_eq!(refusal(NO_MAIL).code().get(), 503);
    }
}
