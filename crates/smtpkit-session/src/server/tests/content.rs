//! Where content ends: DATA (RFC 5321 §4.1.1.4), BDAT (RFC 3030), and LMTP's replies to it (RFC 2033).

use super::*;

/// Sends `content` after 354, and a QUIT after it. `Ok` is what was taken, `Err` the reply.
fn check_end_of_data(policy: BareNewline, content: &[u8], expected: Result<&[u8], &str>) {
    let config = ServerConfig { bare_newline: policy, ..config() };
    let mut input = b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nDATA\r\n".to_vec();
    input.extend_from_slice(content);
    input.extend_from_slice(b"\r\nQUIT\r\n");
    let whole = session(config.clone(), Channel::plaintext(), &input, usize::MAX);
    for step in 1..input.len() {
        assert_eq!(
            session(config.clone(), Channel::plaintext(), &input, step),
            whole,
            "{content:?} by {step}"
        );
    }
    let taken = whole.2.strip_suffix(b"|");
    let after = whole.0.split("354 ").nth(1).unwrap().lines().nth(1).unwrap_or_default();
    match expected {
        Ok(expected) => {
            assert_eq!(
                taken.map(StdString::from_utf8_lossy),
                Some(StdString::from_utf8_lossy(expected)),
                "{content:?}"
            );
            assert!(after.starts_with("250"), "{content:?}: {after}");
        }
        Err(expected) => {
            assert_eq!(taken, None, "{content:?}");
            assert!(after.starts_with(expected), "{content:?}: {after}");
        }
    }
}

#[test]
fn only_crlf_dot_crlf_ends_data() {
    for (content, expected) in [
        (&b"a\r\n."[..], Ok(&b"a\r\n"[..])),
        (b".", Ok(b"")),
        (b"..\r\n.", Ok(b".\r\n")),
        (b"a\r\n..\r\n...\r\n.", Ok(b"a\r\n.\r\n..\r\n")),
        (b"a\n.\n\r\n.", Err("550 5.6.0 bare LF")),
        (b"a\n.\r\n\r\n.", Err("550 5.6.0 bare LF")),
        (b"a\r.\r\r\n.", Err("550 5.6.0 bare CR")),
        (b"a\r\n.\nb\r\n.", Err("550 5.6.0 bare LF")),
        (b"a\r\n.\rb\r\n.", Err("550 5.6.0 bare CR")),
        (b"a\r\n.\r\r\nb\r\n.", Err("550 5.6.0 bare CR")),
        (b"a\0b\r\n.", Err("550 5.6.0 NUL")),
        (b"a\r\r\n.", Err("550 5.6.0 bare CR")),
    ] {
        check_end_of_data(BareNewline::Refuse, content, expected);
    }
}

#[test]
fn a_normalised_newline_does_not_end_data() {
    for (content, expected) in [
        (&b"a\nb\r\n."[..], Ok(&b"a\r\nb\r\n"[..])),
        (b"a\rb\r\n.", Ok(b"a\r\nb\r\n")),
        (b"a\0b\r\n.", Err("550 5.6.0 NUL")),
    ] {
        check_end_of_data(BareNewline::Normalise, content, expected);
    }
    let smuggled = b"a\n.\nMAIL FROM:<x@y.test>\r\n.";
    let config = ServerConfig { bare_newline: BareNewline::Normalise, ..config() };
    let mut input = b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nDATA\r\n".to_vec();
    input.extend_from_slice(smuggled);
    input.extend_from_slice(b"\r\n");
    let (_, events, content) = session(config, Channel::plaintext(), &input, 3);
    assert_eq!(events.iter().filter(|event| event.starts_with("Mail")).count(), 1, "{events:?}");
    assert!(content.ends_with(b"|"));
}

#[test]
fn a_message_that_is_too_big_is_refused_at_its_end() {
    let limits = ServerLimits { message_octets_max: 10, ..ServerLimits::default() };
    let config = ServerConfig { limits, ..config() };
    let start = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\n";
    let plaintext = Channel::plaintext();
    check_with(
        &config,
        &plaintext,
        &format!("{start}DATA\r\n12345678\r\n.\r\nNOOP\r\n"),
        "250 250 250 354 250 250",
    );
    check_with(
        &config,
        &plaintext,
        &format!("{start}DATA\r\n123456789\r\n.\r\nNOOP\r\n"),
        "250 250 250 354 552 250",
    );
    check_with(
        &config,
        &plaintext,
        &format!("{start}BDAT 11 LAST\r\n12345678901NOOP\r\n"),
        "250 250 250 552 250",
    );
    check_with(
        &config,
        &plaintext,
        &format!("{start}BDAT 10 LAST\r\n1234567890NOOP\r\n"),
        "250 250 250 250 250",
    );
}

#[test]
fn endless_content_is_cut() {
    let limits = ServerLimits { message_octets_max: 10, surplus_octets_max: 100, ..ServerLimits::default() };
    let mut caller = Caller::new(ServerConfig { limits, ..config() }, Channel::plaintext());
    caller.feed(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nDATA\r\n", 999);
    assert_eq!(caller.feed(&[b'x'; 1000], 50), Some(Closed::TooMuchContent));
    let limits = ServerLimits { message_octets_max: 10, surplus_octets_max: 100, ..ServerLimits::default() };
    let mut caller = Caller::new(ServerConfig { limits, ..config() }, Channel::plaintext());
    caller.feed(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\n", 999);
    assert_eq!(caller.feed(b"BDAT 18446744073709551615\r\n", 999), Some(Closed::TooMuchContent));
}

#[test]
fn chunks() {
    let start = "EHLO c\r\nMAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<a@b.test>\r\n";
    for (input, expected) in [
        ("BDAT 3\r\nabcBDAT 0 LAST\r\n", "250 250"),
        ("BDAT 0 LAST\r\n", "250"),
        ("BDAT 5 LAST\r\na\n\0\r.NOOP\r\n", "250 250"),
        (
            "BDAT 3\r\nabcDATA\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nNOOP\r\nBDAT 1 LAST\r\nx",
            "250 503 503 503 250 250",
        ),
        ("BDAT 3\r\nabcRSET\r\nBDAT 3\r\nabcNOOP\r\n", "250 250 503 250"),
        ("DATA\r\n", "503"),
        ("BDAT -1\r\nBDAT 1 FIRST\r\nBDAT\r\nBDAT 99999999999999999999999\r\n", "501 501 501 501"),
    ] {
        check(&format!("{start}{input}"), &format!("250 250 250 {expected}"));
    }
    // The octets of a chunk that is refused are no commands.
    check("EHLO c\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "250 503 250");
    check("EHLO c\r\nMAIL FROM:<>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "250 250 503 250");
    let whole = format!("{start}BDAT 3\r\nabcBDAT 2\r\ndeBDAT 1 LAST\r\nf");
    assert_eq!(session(config(), Channel::plaintext(), whole.as_bytes(), 5).2, b"abcdef|");
}

#[test]
fn text_in_chunks_obeys_the_rule_for_newlines() {
    let start = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\n";
    for (input, refused, normalised) in [
        ("BDAT 2\r\na\rBDAT 2 LAST\r\n\nb", "250 250", Some("a\r\nb|")),
        ("BDAT 3 LAST\r\na\nb", "550", Some("a\r\nb|")),
        ("BDAT 2 LAST\r\na\r", "550", Some("a\r\n|")),
        ("BDAT 3 LAST\r\na\0b", "550", None),
        ("BDAT 3\r\na\nbBDAT 1 LAST\r\ncRSET\r\nNOOP\r\n", "550 503 250 250", None),
        ("BDAT 3\r\na\nbRSET\r\nNOOP\r\n", "550 250 250", None),
        ("BDAT 2\r\na\rBDAT 1\r\nbRSET\r\nNOOP\r\n", "250 550 250 250", None),
    ] {
        check(&format!("{start}{input}"), &format!("250 250 250 {refused}"));
        let config = ServerConfig { bare_newline: BareNewline::Normalise, ..config() };
        let (_, _, content) = session(config, Channel::plaintext(), format!("{start}{input}").as_bytes(), 2);
        if let Some(normalised) = normalised {
            assert_eq!(content, normalised.as_bytes(), "{input:?}");
        }
    }
}

#[test]
fn lmtp_answers_each_recipient() {
    let config = ServerConfig { protocol: Protocol::Lmtp, ..config() };
    let start =
        "LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<no@b.test>\r\nRCPT TO:<c@b.test>\r\n";
    let plaintext = Channel::plaintext();
    check_with(&config, &plaintext, "EHLO c\r\nHELO c\r\n", "500 500");
    check_with(&config, &plaintext, &format!("{start}DATA\r\n.\r\n"), "250 250 250 550 250 354 250 250");
    check_with(
        &config,
        &plaintext,
        &format!("{start}DATA\r\na\nb\r\n.\r\n"),
        "250 250 250 550 250 354 550 550",
    );
    check_with(&config, &plaintext, &format!("{start}BDAT 1 LAST\r\nx"), "250 250 250 550 250 250 250");
    check_with(
        &config,
        &plaintext,
        "LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<no@b.test>\r\nDATA\r\n",
        "250 250 550 503",
    );
}
