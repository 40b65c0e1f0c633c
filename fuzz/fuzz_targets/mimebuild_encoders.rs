//! Any octets and text, cut anywhere: what the encoders write, the decoders read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_mime::Message;
use smtpkit_mime::encode::{Base64Encoder, CrlfEncoder, QuotedPrintableEncoder, encoded_words};

fuzz_target!(|input: (u16, &str)| {
    let (cut, text) = input;
    let (head, tail) = text.as_bytes().split_at(usize::from(cut).min(text.len()));
    let (mut lines, mut crlf) = (Vec::new(), CrlfEncoder::new());
    let mut base64 = (Base64Encoder::new(), b"Content-Transfer-Encoding: base64\r\n\r\n".to_vec());
    let mut quoted = (QuotedPrintableEncoder::new(), b"Content-Transfer-Encoding: quoted-printable\r\n\r\n".to_vec());
    for piece in [head, tail] {
        crlf.push(piece, &mut lines);
        base64.0.push(piece, &mut base64.1);
        quoted.0.push(piece, &mut quoted.1);
    }
    base64.0.finish(&mut base64.1);
    quoted.0.finish(&mut quoted.1);
    assert_eq!(Message::parse(&base64.1).root().body().octets(), text.as_bytes());
    assert_eq!(Message::parse(&quoted.1).root().body().octets(), lines);
    if text.bytes().all(|octet| !matches!(octet, b'\r' | b'\n' | 0)) && text.trim_ascii() == text {
        let field = format!("Subject: {}\r\n\r\n", encoded_words(text).replace("?= =?", "?=\r\n =?"));
        assert_eq!(Message::parse(field.as_bytes()).subject().unwrap_or_default(), text);
    }
});
