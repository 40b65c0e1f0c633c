//! What each listener offers is what its configuration says, no more and no less (RFC 5321 §4.1.1.1).

use crate::harness::{ALICE, PASSWORD, Server};
use crate::talk::{Talk, auth_plain};

/// Every line of the reply to EHLO or LHLO but the first.
fn offered(talk: &mut Talk, hello: &str) -> Vec<String> {
    let reply = talk.ask(&format!("{hello} client.test"), "250");
    reply.lines().skip(1).filter_map(|line| line.get(4..)).map(str::to_owned).collect()
}

/// What all of them offer, with what only some do put where it stands.
fn list(size: u64, recipients: u64, special: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = [
        "PIPELINING",
        "8BITMIME",
        "BINARYMIME",
        "CHUNKING",
        "SMTPUTF8",
        "DSN",
        "ENHANCEDSTATUSCODES",
        "HELP",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push(format!("SIZE {size}"));
    all.push(format!("LIMITS RCPTMAX={recipients}"));
    all.extend(special.iter().map(|line| (*line).to_owned()));
    all.sort();
    all
}

#[test]
fn each_listener_offers_what_its_configuration_says() {
    let server = Server::configured(
        "hostname = \"mx.example.test\"\nuser_file = \"users\"\nmax_message_size = 70000\n\
         [[listener]]\nurl = \"mx://127.0.0.1:0\"\nlimits = { max_recipients = 7 }\n\
         [[listener]]\nurl = \"submission://127.0.0.1:0\"\n\
         [[listener]]\nurl = \"submissions://127.0.0.1:0\"\nlimits = { max_message_size = 80000 }\n\
         [[listener]]\nurl = \"lmtp://127.0.0.1:0\"\n",
    );
    let check = |mut found: Vec<String>, expected: Vec<String>, of: &str| {
        // which mechanisms, and until when mail may be held, is the matter of other tests
        for line in &mut found {
            for keyword in ["AUTH", "FUTURERELEASE", "DELIVERBY", "MT-PRIORITY"] {
                if line.starts_with(&format!("{keyword} ")) {
                    keyword.clone_into(line);
                }
            }
        }
        found.sort();
        assert_eq!(found, expected, "{of}");
    };
    let mut mx = Talk::plain(&server, "mx");
    check(offered(&mut mx, "EHLO"), list(70_000, 7, &["STARTTLS"]), "mx");
    let mut mx = Talk::greeted(&server, "mx");
    check(offered(&mut mx, "EHLO"), list(70_000, 7, &["REQUIRETLS"]), "mx behind TLS");
    let mut lmtp = Talk::plain(&server, "lmtp");
    check(offered(&mut lmtp, "LHLO"), list(70_000, 1_000, &[]), "lmtp");
    let mut plain = Talk::plain(&server, "submission");
    check(
        offered(&mut plain, "EHLO"),
        list(70_000, 1_000, &["STARTTLS", "FUTURERELEASE", "DELIVERBY"]),
        "submission",
    );
    for (scheme, size) in [("submission", 70_000), ("submissions", 80_000)] {
        let mut talk = Talk::greeted(&server, scheme);
        let users = ["FUTURERELEASE", "DELIVERBY", "REQUIRETLS", "AUTH"];
        check(offered(&mut talk, "EHLO"), list(size, 1_000, &users), scheme);
        talk.ask(&auth_plain(ALICE, PASSWORD), "235");
        // once is enough (RFC 4954 section 4)
        check(offered(&mut talk, "EHLO"), list(size, 1_000, &users[..3]), scheme);
    }
    // who says HELO is offered nothing
    let mut old = Talk::plain(&server, "mx");
    assert_eq!(old.ask("HELO client.test", "250").lines().count(), 1);
    old.ask("MAIL FROM:<a@b.test> SIZE=1", "555");
}
