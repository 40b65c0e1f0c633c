//! The client half of every mechanism against any sequence of challenges: it never panics, and SCRAM never believes a server
//! that does not know the password. The password must not appear in a response of SCRAM or CRAM-MD5.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_auth::*;

const PASSWORD: &str = "c0rrect h0rse battery";

fuzz_target!(|input: &[u8]| {
    let Some((selector, rest)) = input.split_first() else { return };
    let Some(mechanism) = Mechanism::known().nth(usize::from(selector & 0x0f)) else { return };
    let credentials = match mechanism.as_str() {
        "OAUTHBEARER" | "XOAUTH2" => Credentials::token("user", Secret::from("4f1c.d77a")).for_host("mx.test", 587),
        "EXTERNAL" => Credentials::external(),
        "ANONYMOUS" => Credentials::anonymous("trace"),
        _ => Credentials::password("user", Secret::from(PASSWORD)),
    };
    let channel = Channel::Tls(ChannelBindings::default().with_tls_exporter([5; 32]));
    let context = ClientContext::new(Nonce::parse("clientnonce").expect("a valid nonce"), channel);
    let (mut exchange, _) = ClientExchange::start(&mechanism, &credentials, context).expect("credentials fit the mechanism");
    let hides_password = mechanism.as_str().contains("RAM-");
    for challenge in rest.split(|octet| *octet == b'\n') {
        let Ok(response) = exchange.step(challenge) else { break };
        let shown = response.expose().windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes());
        assert!(!(hides_password && shown), "{mechanism} showed the password");
    }
    let _ = exchange.server_report();
    assert!(!mechanism.as_str().starts_with("SCRAM") || exchange.finish().is_err());
});
