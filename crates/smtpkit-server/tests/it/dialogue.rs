//! The rules of the dialogue on a server that runs: order, syntax, extensions, 8-bit and UTF-8 (RFC 5321 §4, RFC 6152,
//! RFC 6531).

use smtpkit_server::{Extensions, Server};

use crate::world::{Client, Recorder, certificate, domains, mx, run};

/// Lines and the codes of their replies, on a session of their own.
async fn check(dialogue: &[(&str, &str)]) {
    let recorder = Recorder::default();
    let server = run(mx(&recorder), &recorder).await;
    let mut client = server.client().await;
    for (line, expected) in dialogue {
        let reply = client.say(line).await;
        assert!(reply.starts_with(expected), "{line:?} in {dialogue:?}: {reply}, not {expected}");
    }
}

#[tokio::test]
async fn order() {
    let (hello, mail, rcpt) =
        (("EHLO c", "250"), ("MAIL FROM:<a@b.test>", "250 2.1.0"), ("RCPT TO:<bob@local.test>", "250 2.1.5"));
    check(&[("MAIL FROM:<>", "503 5.5.1"), ("RCPT TO:<bob@local.test>", "503"), ("DATA", "503")]).await;
    check(&[("NOOP", "250"), ("RSET", "250"), ("VRFY bob", "252"), ("EXPN list", "502"), ("HELP", "214")])
        .await;
    check(&[hello, ("RCPT TO:<bob@local.test>", "503"), ("DATA", "503"), ("BDAT 0 LAST", "503")]).await;
    check(&[
        hello,
        mail,
        ("MAIL FROM:<>", "503"),
        ("DATA", "503"),
        ("STARTTLS", "502"),
        ("AUTH PLAIN", "502"),
    ])
    .await;
    check(&[
        hello,
        mail,
        ("RCPT TO:<nobody@local.test>", "550"),
        ("DATA", "554 5.5.1"),
        rcpt,
        ("DATA", "354"),
    ])
    .await;
    check(&[hello, mail, rcpt, ("RSET", "250"), ("DATA", "503"), mail, rcpt, hello, ("DATA", "503")]).await;
    check(&[("HELO c", "250 mx.test"), mail, rcpt, ("DATA", "354"), ("x\r\n.", "250"), ("DATA", "503")])
        .await;
    check(&[hello, ("LHLO c", "500"), ("TURN", "5"), ("ETRN x", "5"), ("QUIT", "221"), ("", "")]).await;
}

#[tokio::test]
async fn syntax() {
    check(&[
        ("", "500"),
        ("XYZZY", "500 5.5.1"),
        ("EHLO", "501"),
        ("EHLO c d", "501"),
        ("EHLO c", "250"),
        ("MAIL", "501"),
        ("MAIL a@b.test", "501"),
        ("MAIL FROM:a@b.test", "501"),
        ("MAIL FROM:<a@b.test", "501"),
    ])
    .await;
    check(&[
        ("ehlo c", "250"),
        ("mail from:<A@b.test> size=1", "250"),
        ("rcpt TO:bob@local.test", "501"),
        ("Rcpt to:<bob@local.test>", "250"),
        ("DATA now", "501"),
        ("data", "354"),
        (".", "250"),
    ])
    .await;
    check(&[
        ("EHLO c", "250"),
        ("MAIL FROM:<> XYZZY=1", "555"),
        ("MAIL FROM:<> SIZE=x", "501"),
        ("MAIL FROM:<> SIZE=1 SIZE=1", "501"),
        ("MAIL FROM:<> BY=1;R", "555"),
        ("MAIL FROM:<>", "250"),
        ("RCPT TO:<bob@local.test> NOTIFY=NEVER,FAILURE", "501"),
        ("RCPT TO:<bob@local.test> RRVS=2020-01-01T00:00:00Z", "555"),
        ("RCPT TO:<bob@local.test> NOTIFY=FAILURE ORCPT=rfc822;bob@local.test", "250"),
    ])
    .await;
    check(&[("HELO c", "250"), ("MAIL FROM:<> SIZE=1", "555"), ("MAIL FROM:<> BODY=8BITMIME", "555")]).await;
}

#[tokio::test]
async fn lines_with_bare_newlines_or_nul_are_refused() {
    for octet in ["\n", "\r", "\0"] {
        let line = format!("NOOP{octet}NOOP");
        check(&[(line.as_str(), "500 5.5.2"), ("NOOP", "250")]).await;
    }
    let long = format!("NOOP {}", "x".repeat(4096));
    check(&[(long.as_str(), "500 5.5.2"), ("NOOP", "250")]).await;
}

#[tokio::test]
async fn utf8_and_8bit() {
    let hello = ("EHLO c", "250");
    check(&[
        hello,
        ("MAIL FROM:<jörg@local.test>", "553 5.6.7"),
        ("MAIL FROM:<a@bücher.test>", "553 5.6.7"),
        ("MAIL FROM:<> SMTPUTF8=1", "5"),
        ("MAIL FROM:<>", "250"),
        ("RCPT TO:<jörg@local.test>", "553 5.6.7"),
        ("RCPT TO:<bob@local.test>", "250"),
    ])
    .await;
    check(&[
        hello,
        ("MAIL FROM:<jörg@local.test> SMTPUTF8", "250"),
        ("RCPT TO:<bøb@local.test>", "250"),
        ("DATA", "354"),
        ("Subject: ø\r\n\r\n\u{1F4EC}\r\n.", "250"),
    ])
    .await;
    check(&[("HELO c", "250"), ("MAIL FROM:<jörg@local.test> SMTPUTF8", "555")]).await;
    check(&[
        hello,
        ("MAIL FROM:<> BODY=9BIT", "501"),
        ("MAIL FROM:<> BODY=BINARYMIME", "250"),
        ("RCPT TO:<bob@local.test>", "250"),
        ("DATA", "503"),
    ])
    .await;
}

#[tokio::test]
async fn octets_beyond_ascii_arrive_as_they_were() {
    let recorder = Recorder::default();
    let server = run(mx(&recorder), &recorder).await;
    let mut client = server.client().await;
    client.ask("EHLO c", "250").await;
    client.ask("MAIL FROM:<> BODY=8BITMIME", "250").await;
    client.ask("RCPT TO:<bob@local.test>", "250").await;
    client.ask("DATA", "354").await;
    client.ask("Subject: x\r\n\r\ngrüße\r\n.", "250").await;
    let entries = server.journal.entries();
    assert!(entries.iter().any(|entry| entry.ends_with(r#""Subject: x\r\n\r\ngrüße\r\n""#)), "{entries:?}");
}

/// The keywords of an EHLO or LHLO reply.
fn keywords(reply: &str) -> Vec<&str> {
    reply.lines().skip(1).filter_map(|line| line.get(4..)?.split(' ').next()).collect()
}

#[tokio::test]
async fn extensions() {
    let usual =
        ["PIPELINING", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"];
    let sized = [&usual[..], &["SIZE", "LIMITS"]].concat();
    let (recorder, certificate) = (Recorder::default(), certificate());
    let server = run(mx(&recorder), &recorder).await;
    let with = |extra: &[&'static str]| [&sized[..], extra, &["HELP"]].concat();
    assert_eq!(keywords(&server.client().await.ask("EHLO c", "250").await), with(&[]));
    let server = run(mx(&recorder).tls(certificate.acceptor.clone()), &recorder).await;
    let mut client = server.client().await;
    assert_eq!(keywords(&client.ask("EHLO c", "250").await), with(&["STARTTLS"]));
    client.ask("STARTTLS", "220").await;
    let mut client = certificate.secure(client.stream).await;
    assert_eq!(keywords(&client.ask("EHLO c", "250").await), with(&["REQUIRETLS"]));
    let server = run(Server::lmtp("mx.test", domains(), recorder.clone()), &recorder).await;
    assert_eq!(keywords(&server.client().await.ask("LHLO c", "250").await), with(&[]));
    assert_eq!(server.client().await.ask("EHLO c", "500").await.lines().count(), 1);
}

#[tokio::test]
async fn an_extension_is_taken_only_where_it_is_offered() {
    for (extension, keyword, line) in [
        (Extensions::SIZE, "SIZE", "MAIL FROM:<> SIZE=1"),
        (Extensions::EIGHT_BIT_MIME, "8BITMIME", "MAIL FROM:<> BODY=8BITMIME"),
        (Extensions::BINARYMIME, "BINARYMIME", "MAIL FROM:<> BODY=BINARYMIME"),
        (Extensions::SMTPUTF8, "SMTPUTF8", "MAIL FROM:<> SMTPUTF8"),
        (Extensions::DSN, "DSN", "MAIL FROM:<> RET=HDRS ENVID=x"),
        (Extensions::DELIVERBY, "DELIVERBY", "MAIL FROM:<> BY=120;R"),
        (Extensions::MT_PRIORITY, "MT-PRIORITY", "MAIL FROM:<> MT-PRIORITY=3"),
        (Extensions::FUTURERELEASE, "FUTURERELEASE", "MAIL FROM:<> HOLDFOR=60"),
    ] {
        let recorder = Recorder::default();
        for is_offered in [true, false] {
            let change =
                |set: Extensions| if is_offered { set.with(extension) } else { set.without(extension) };
            let server = run(mx(&recorder).extensions(change), &recorder).await;
            let mut client = server.client().await;
            let reply = client.ask("EHLO c", "250").await;
            assert_eq!(keywords(&reply).contains(&keyword), is_offered, "{reply}");
            client.ask(line, if is_offered { "250" } else { "555" }).await;
        }
    }
}

#[tokio::test]
async fn a_thousand_junk_commands_end_early() {
    let recorder = Recorder::default();
    let timeouts = smtpkit_server::ServerTimeouts {
        error_delay: std::time::Duration::ZERO,
        ..smtpkit_server::ServerTimeouts::default()
    };
    let server = run(mx(&recorder).timeouts(timeouts), &recorder).await;
    let mut client = Client::new(tokio::net::TcpStream::connect(server.address).await.unwrap());
    client.expect("220").await;
    client.send("JUNK\r\n".repeat(1000)).await;
    for _ in 0..19 {
        client.expect("500").await;
    }
    client.expect("421 4.7.0").await;
    client.expect_end().await;
}
