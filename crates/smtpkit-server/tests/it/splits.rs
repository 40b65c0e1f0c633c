//! However the octets of a client are cut into segments, the same happens (RFC 5321 §4.1.1.4, RFC 3207, RFC 3030).

use smtpkit_server::{BareNewline, Builder, CancellationToken};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::yield_now;

use crate::world::{Recorder, certificate, mx};

/// Sends `input` in two segments, cut at each place, and gives what was said and recorded, which must be the same.
async fn outcome(set_up: impl Fn(&Recorder) -> Builder<Recorder>, input: &[u8]) -> (String, Vec<String>) {
    let mut known = None;
    for cut in 0..=input.len() {
        let recorder = Recorder::default();
        let listening = set_up(&recorder).bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (mut client, stream) = tokio::io::duplex(64 * 1024);
        let talk = async {
            let (front, back) = input.split_at(cut);
            client.write_all(front).await.unwrap();
            // The server has the front before the back is there.
            for _ in 0..16 {
                yield_now().await;
            }
            // It may be gone by then.
            let _written = client.write_all(back).await;
            let _closed = client.shutdown().await;
            let mut said = Vec::new();
            client.read_to_end(&mut said).await.unwrap();
            String::from_utf8(said).unwrap()
        };
        let (said, ()) = tokio::join!(talk, listening.serve_stream(stream, None, CancellationToken::new()));
        let found = (said, recorder.journal.entries());
        let known = known.get_or_insert_with(|| found.clone());
        assert_eq!(*known, found, "{} cut at {cut}", input.escape_ascii());
    }
    known.unwrap()
}

fn messages(entries: &[String]) -> Vec<&str> {
    entries.iter().filter_map(|entry| entry.strip_prefix("message ESMTP relayed=0 ")).collect()
}

const START: &str = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@local.test>\r\nDATA\r\n";

#[tokio::test]
async fn only_crlf_dot_crlf_ends_data() {
    for (content, refused) in [
        ("a", false),
        ("a\r\n..\r\n.b", false),
        ("a\n.\nb", true),
        ("a\n.\r\nb", true),
        ("a\r.\rb", true),
        ("a\r\n.\nb", true),
        ("a\r\n.\rb", true),
        ("\n.\n", true),
        ("a\0\r\n.\n", true),
    ] {
        // What a lax server would carry out, it would find in here.
        let input = format!("{START}{content}\r\nMAIL FROM:<evil@foreign.test>\r\n.\r\nQUIT\r\n");
        let (said, entries) = outcome(mx, input.as_bytes()).await;
        let end = if refused { "550 5.6.0 " } else { "250 2.0.0 ok, queued" };
        let replies: Vec<&str> = said.lines().filter(|line| line.get(3..4) == Some(" ")).collect();
        let [_, _, _, _, "354 end with <CR><LF>.<CR><LF>", verdict, "221 2.0.0 bye"] = replies[..] else {
            panic!("{content:?}: {said}")
        };
        assert!(verdict.starts_with(end), "{content:?}: {said}");
        assert_eq!(messages(&entries).len(), usize::from(!refused), "{content:?}: {entries:?}");
    }
}

#[tokio::test]
async fn a_normalised_newline_ends_no_data() {
    let lax = |recorder: &Recorder| mx(recorder).bare_newline(BareNewline::Normalise);
    let input = format!("{START}a\n.\nMAIL FROM:<>\r.\rb\r\n.\r\nQUIT\r\n");
    let (_, entries) = outcome(lax, input.as_bytes()).await;
    assert_eq!(messages(&entries), [r#""a\r\n.\r\nMAIL FROM:<>\r\n.\r\nb\r\n""#]);
}

#[tokio::test]
async fn chunks_and_commands_in_one_stream() {
    let input = b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@local.test>\r\nBDAT 5\r\na\r\n.\rBDAT 3 LAST\r\n\nQUNOOP\r\nQUIT\r\n";
    let (said, entries) = outcome(mx, input).await;
    assert!(said.ends_with("250 2.0.0 ok\r\n221 2.0.0 bye\r\n"), "{said}");
    assert_eq!(messages(&entries), [r#""a\r\n.\r\nQU""#]);
}

#[tokio::test]
async fn nothing_said_before_tls_is_carried_out_after_it() {
    let certificate = certificate();
    let input = b"EHLO c\r\nSTARTTLS\r\nMAIL FROM:<>\r\nRCPT TO:<bob@local.test>\r\n";
    let line_end = b"EHLO c\r\nSTARTTLS\r\n".len();
    for cut in 0..=input.len() {
        let recorder = Recorder::default();
        let builder = mx(&recorder).tls(certificate.acceptor.clone());
        let listening = builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (mut client, stream) = tokio::io::duplex(64 * 1024);
        let talk = async {
            client.write_all(&input[..cut]).await.unwrap();
            for _ in 0..16 {
                yield_now().await;
            }
            let _written = client.write_all(&input[cut..]).await;
            let _closed = client.shutdown().await;
            let mut said = Vec::new();
            let _read = client.read_to_end(&mut said).await;
            String::from_utf8_lossy(&said).into_owned()
        };
        let (said, ()) = tokio::join!(talk, listening.serve_stream(stream, None, CancellationToken::new()));
        let is_told = cut != line_end && said.contains("554 5.5.1 nothing may follow STARTTLS");
        // Cut right behind the line, what follows is taken for a handshake, and is none.
        assert!(is_told || cut == line_end && said.contains("220 2.0.0 go ahead"), "cut at {cut}: {said}");
        assert!(!said.contains("250 2.1.0"), "cut at {cut}: {said}");
        assert_eq!(recorder.journal.entries(), ["connect", "closed"], "cut at {cut}");
    }
}

#[tokio::test]
async fn a_chunk_that_ends_too_early_delivers_nothing() {
    let dialogue = b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@local.test>\r\nBDAT 2\r\nx\rBDAT 4 LAST\r\n\nabc";
    for cut in 0..dialogue.len() {
        let recorder = Recorder::default();
        let listening = mx(&recorder).bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (mut client, stream) = tokio::io::duplex(64 * 1024);
        client.write_all(&dialogue[..cut]).await.unwrap();
        client.shutdown().await.unwrap();
        listening.serve_stream(stream, None, CancellationToken::new()).await;
        assert_eq!(messages(&recorder.journal.entries()), [""; 0], "cut at {cut}");
    }
}
