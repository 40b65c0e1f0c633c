//! The line rules of RFC 4954: what is read is written back the same, because base64 has one spelling here.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_auth::line::{self, ResponseLine};

fuzz_target!(|input: &str| {
    if let Ok(initial) = line::decode_initial(input) {
        assert_eq!(line::encode_initial(initial.expose()).expose(), input.as_bytes());
    }
    if let Ok(challenge) = line::decode_challenge(input) {
        assert_eq!(line::encode_challenge(challenge.expose()), input);
    }
    match line::decode_response(input) {
        Ok(ResponseLine::Response(response)) => assert_eq!(line::encode_response(response.expose()).expose(), input.as_bytes()),
        Ok(ResponseLine::Cancel) => assert_eq!(input, line::CANCEL),
        Err(error) => assert!(matches!(error.reply().code, 500 | 501)),
    }
});
