//! BDAT where it is odd (RFC 3030 §2): empty, huge, negative, without recipients, among other commands.

use crate::world::{Recorder, mx, run};

const START: &str = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@local.test>\r\n";

/// Sends all of `input` at once and compares the codes behind those of the start, and what was delivered.
async fn check(input: &str, expected: &[&str], delivered: &[&str]) {
    let recorder = Recorder::default();
    let server = run(mx(&recorder), &recorder).await;
    let mut client = server.client().await;
    client.send(format!("{START}{input}")).await;
    for _ in 0..3 {
        client.expect("250").await;
    }
    for expected in expected {
        let reply = client.reply().await;
        assert!(reply.starts_with(expected), "{input:?}: {reply}, not {expected}");
    }
    let entries = server.journal.entries();
    let messages: Vec<&str> =
        entries.iter().filter_map(|entry| entry.strip_prefix("message ESMTP relayed=0 ")).collect();
    assert_eq!(messages, delivered, "{input:?}");
}

#[tokio::test]
async fn odd_chunks() {
    check("BDAT 0 LAST\r\nQUIT\r\n", &["250", "221"], &[r#""""#]).await;
    check("BDAT 0\r\nBDAT 0\r\nBDAT 1 LAST\r\nxQUIT\r\n", &["250", "250", "250", "221"], &[r#""x""#]).await;
    check("BDAT 1\r\nxBDAT 0 LAST\r\nQUIT\r\n", &["250", "250", "221"], &[r#""x""#]).await;
    check("BDAT -1 LAST\r\nBDAT +1\r\nBDAT 1 FIRST\r\nBDAT\r\nBDAT x\r\nQUIT\r\n", &["501"; 5], &[]).await;
    check("BDAT 6 LAST\r\nQUIT\r\nQUIT\r\n", &["250", "221"], &[r#""QUIT\r\n""#]).await;
    check("BDAT 4\r\ntextRSET\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", &["250", "250", "503", "250"], &[]).await;
    check("BDAT 4\r\ntextDATA\r\nBDAT 1 LAST\r\nxQUIT\r\n", &["250", "503", "250", "221"], &[r#""textx""#])
        .await;
    check(
        "BDAT 4\r\ntextMAIL FROM:<>\r\nRCPT TO:<bob@local.test>\r\nNOOP\r\n",
        &["250", "503", "503", "250"],
        &[],
    )
    .await;
    check("BDAT 4\r\ntextEHLO c\r\nBDAT 1 LAST\r\nxNOOP\r\n", &["250", "250", "503", "250"], &[]).await;
    check("DATA\r\nx\r\n.\r\nBDAT 1 LAST\r\nxNOOP\r\n", &["354", "250", "503", "250"], &[r#""x\r\n""#]).await;
}

#[tokio::test]
async fn huge_chunks_are_refused_before_they_come() {
    // Too big for a message, but small enough to be read and dropped.
    let size = 60 * 1024 * 1024;
    let recorder = Recorder::default();
    let server = run(mx(&recorder), &recorder).await;
    let mut client = server.client().await;
    client.send(format!("{START}BDAT {size} LAST\r\n")).await;
    for _ in 0..3 {
        client.expect("250").await;
    }
    let zeros = vec![0; 1024 * 1024];
    for _ in 0..60 {
        client.send(&zeros).await;
    }
    client.expect("552 5.3.4").await;
    client.ask("NOOP", "250").await;
    // Nobody waits for that.
    check("BDAT 18446744073709551615\r\n", &["552 5.3.4", ""], &[]).await;
    check("BDAT 18446744073709551616\r\nNOOP\r\n", &["501", "250"], &[]).await;
}

#[tokio::test]
async fn a_chunk_without_recipients_is_read_and_refused() {
    let recorder = Recorder::default();
    let server = run(mx(&recorder), &recorder).await;
    let mut client = server.client().await;
    client.send("EHLO c\r\nBDAT 6 LAST\r\nQUIT\r\nMAIL FROM:<>\r\nBDAT 6 LAST\r\nQUIT\r\n").await;
    for expected in ["250", "503", "250 2.1.0", "503"] {
        client.expect(expected).await;
    }
    client.ask("RSET", "250").await;
    client.send("MAIL FROM:<>\r\nRCPT TO:<nobody@local.test>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n").await;
    for expected in ["250", "550", "554", "250"] {
        client.expect(expected).await;
    }
}
