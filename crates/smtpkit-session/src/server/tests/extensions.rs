//! What the extensions allow and ask for.

use super::*;

#[test]
fn parameters_need_their_extension() {
    let mail = |parameters: &str| format!("EHLO c\r\nMAIL FROM:<a@b.test> {parameters}\r\n");
    for (parameters, expected) in [
        ("SIZE=52428800", "250 250"),
        ("SIZE=52428801", "250 552"),
        ("BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=1", "250 250"),
        ("BODY=BINARYMIME", "250 250"),
        ("BODY=9BIT", "250 501"),
        ("X-UNKNOWN", "250 555"),
        ("BY=100;R", "250 555"),
        ("MT-PRIORITY=3", "250 555"),
        ("HOLDFOR=10", "250 555"),
        ("AUTH=<>", "250 555"),
        ("REQUIRETLS", "250 530"),
    ] {
        check(&mail(parameters), expected);
    }
    let opted = ServerConfig {
        extensions: Extensions::default()
            .with(Extensions::DELIVERBY)
            .with(Extensions::MT_PRIORITY)
            .with(Extensions::FUTURERELEASE)
            .without(Extensions::SIZE)
            .without(Extensions::CHUNKING),
        ..config()
    };
    for (parameters, expected) in [
        ("BY=100;R", "250 250"),
        ("MT-PRIORITY=3", "250 250"),
        ("HOLDFOR=10", "250 250"),
        ("SIZE=1", "250 555"),
        ("BODY=BINARYMIME", "250 555"),
    ] {
        check_with(&opted, &Channel::plaintext(), &mail(parameters), expected);
    }
}

#[test]
fn recipients_have_rules_of_their_own() {
    let rcpt =
        |parameters: &str| format!("EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test> {parameters}\r\n");
    check(&rcpt("NOTIFY=NEVER ORCPT=rfc822;c@d.test"), "250 250 250");
    check(&rcpt("RRVS=2014-04-03T23:01:00Z"), "250 250 555");
    check(&rcpt("FOO=1"), "250 250 555");
    let few =
        ServerConfig { limits: ServerLimits { recipients_max: 2, ..ServerLimits::default() }, ..config() };
    let three = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<no@b.test>\r\nRCPT TO:<b@b.test>\r\nRCPT TO:<c@b.test>\r\n";
    check_with(&few, &Channel::plaintext(), three, "250 250 250 550 250 452");
}

#[test]
fn addresses_beyond_ascii_need_smtputf8() {
    check("EHLO c\r\nMAIL FROM:<ü@b.test>\r\n", "250 553");
    check("EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<ü@b.test>\r\n", "250 250 553");
    check("EHLO c\r\nMAIL FROM:<ü@b.test> SMTPUTF8\r\nRCPT TO:<ä@bücher.test>\r\n", "250 250 250");
}

#[test]
fn the_list_of_extensions() {
    let (text, ..) = session(config(), Channel::plaintext(), b"EHLO c\r\n", 99);
    let expected = "220 mx.test ESMTP smtpkit\r\n250-mx.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-BINARYMIME\r\n\
                    250-CHUNKING\r\n250-SMTPUTF8\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-SIZE 52428800\r\n\
                    250-LIMITS RCPTMAX=1000\r\n250 HELP\r\n";
    assert_eq!(text, expected);
    let config = ServerConfig { tls: TlsRule::Offered, authentication: Authentication::Offered, ..config() };
    let (text, ..) = session(config.clone(), Channel::plaintext(), b"EHLO c\r\n", 99);
    assert!(
        text.contains("250-STARTTLS\r\n") && !text.contains("AUTH") && !text.contains("REQUIRETLS"),
        "{text}"
    );
    let secured = Channel::tls().with_mechanisms([MechanismName::PLAIN, MechanismName::LOGIN]);
    let (text, ..) = session(config, secured, b"EHLO c\r\n", 99);
    assert!(!text.contains("STARTTLS") && text.contains("250-AUTH PLAIN LOGIN\r\n250"), "{text}");
    assert!(text.contains("250-REQUIRETLS\r\n"), "{text}");
}
