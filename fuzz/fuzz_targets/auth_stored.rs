//! User files and stored credentials: what is read is written back to an equal form; an error never repeats the input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_auth::{Secret, StoredCredential, Users};

fuzz_target!(|input: &str| {
    if let Ok(credential) = StoredCredential::parse(input) {
        let written = credential.to_text();
        let again = written.expose_str().and_then(|text| StoredCredential::parse(text).ok()).expect("its own text form");
        assert!(again.to_text().constant_time_eq(written.expose()));
    }
    if let Ok(users) = Users::parse(input, Secret::from("server secret")) {
        assert!(users.names().all(|name| users.get(name).is_some()));
        assert!(users.len() <= input.lines().count());
    }
});
