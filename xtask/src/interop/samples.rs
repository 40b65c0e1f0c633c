//! The messages that go through every peer: each is a case that some software gets wrong.

const HEADER: &str = "From: Alice <alice@example.test>\r\nTo: bob@example.test\r\nSubject: sample\r\n\
                      Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <sample@example.test>\r\n";

/// A message with the name that a failure shows.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) content: Vec<u8>,
}

impl Sample {
    /// What arrives: a client ends the last line before it ends the data.
    pub(super) fn arrives(&self) -> Vec<u8> {
        let mut content = self.content.clone();
        if !content.ends_with(b"\r\n") {
            content.extend_from_slice(b"\r\n");
        }
        content
    }
}

/// The simplest one.
pub(super) fn plain() -> Sample {
    let content = format!("{HEADER}\r\nHello.\r\n");
    Sample { name: "plain", content: content.into_bytes() }
}

/// All samples; every one has CRLF line ends only.
pub(super) fn all() -> Vec<Sample> {
    let text = |name, extra: &str, body: &str| Sample {
        name,
        content: format!("{HEADER}{extra}\r\n{body}").into_bytes(),
    };
    let eight_bit =
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n";
    let long = format!("{}\r\n", "x".repeat(998)).repeat(3);
    let large = format!("{}\r\n", "0123456789abcdef".repeat(4)).repeat(16 * 1024);
    vec![
        plain(),
        text("dots", "", ".\r\n..\r\n.leading\r\nend.\r\n.\r\n"),
        text("empty body", "", ""),
        text("8-bit", eight_bit, "Grüße, δοκιμή, 你好\r\n"),
        text("long lines", "", &long),
        text("1 MiB", "", &large),
        text("no final newline", "", "The end."),
    ]
}

/// A message that only RFC 6532 allows.
pub(super) fn internationalized(recipient: &str) -> Sample {
    let content = format!(
        "From: Alice <alice@example.test>\r\nTo: {recipient}\r\nSubject: Grüße\r\n\
         Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <sample@example.test>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\nχαίρετε\r\n"
    );
    Sample { name: "internationalized", content: content.into_bytes() }
}
