//! Any line: it is refused inside of its bounds, or what is read is what is written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_codec::{Command, Encode, Line};

fuzz_target!(|text: &str| {
    let Ok(line) = Line::new(text) else { return };
    match Command::parse(line) {
        Ok(command) => {
            let wire = command.to_vec();
            assert_eq!(wire.len(), command.encoded_len());
            let written = std::str::from_utf8(&wire).unwrap().strip_suffix("\r\n").unwrap();
            assert_eq!(Command::parse(Line::new(written).unwrap()), Ok(command));
            assert_eq!(command.to_owned().as_ref(), command);
        }
        Err(error) => assert!(error.offset() <= text.len()),
    }
});
