//! Downgrading: what does not fit is encoded, what fits stays octet for octet, what is signed is left alone.

use proptest::prelude::*;
use smtpkit_mime::build::{Mailbox, MediaType, MessageBuilder, MessageId, Part, Stamp};
use smtpkit_mime::conformance::Conformance;
use smtpkit_mime::downgrade::{Downgrade, DowngradeError, SignedContent};
use smtpkit_mime::{DateTime, HopCapabilities, Message};

const HOP_7: HopCapabilities = HopCapabilities::SEVEN_BIT;

fn fitted(raw: &str, hop: HopCapabilities) -> String {
    let fitted = Downgrade::new(hop).apply(raw.as_bytes()).unwrap();
    assert!(hop.covers(Conformance::of(fitted.content()).needs()));
    String::from_utf8(fitted.into_content().into_owned()).unwrap()
}

#[test]
fn only_parts_that_do_not_fit_are_encoded() {
    let raw = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
        preamble\r\n--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n\r\nplain  \r\n\
        --b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nX: y\r\n\r\n\
        a na\u{ef}ve approach\r\n--b \r\nContent-Type: image/png\r\n\r\n\u{ef}\r\n--b--\r\nepilogue \u{ef}\r\n";
    let expected = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        preamble\r\n--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n\r\nplain  \r\n\
        --b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\nX: y\r\n\r\n\
        a na=C3=AFve approach\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        w68=\r\n\r\n--b--\r\n";
    assert_eq!(fitted(raw, HOP_7), expected);
    assert_eq!(fitted(raw, HopCapabilities::EIGHT_BIT), raw);
}

#[test]
fn embedded_messages_are_downgraded_inside() {
    let raw = "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
        Subject: inner\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nA na\u{ef}ve approach.\r\n";
    let expected = "Content-Type: message/rfc822\r\n\r\n\
        Subject: inner\r\nContent-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nA na=C3=AFve approach.\r\n";
    assert_eq!(fitted(raw, HOP_7), expected);
}

#[test]
fn undeclared_text_gets_a_charset() {
    let utf8 = fitted("Subject: x\r\n\r\nA na\u{ef}ve approach.\r\n", HOP_7);
    assert!(utf8.starts_with(
        "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    ));
    let latin = Downgrade::new(HOP_7).apply(b"Subject: x\r\n\r\nA na\xefve approach.\r\n").unwrap();
    assert!(String::from_utf8_lossy(latin.content()).contains("charset=unknown-8bit"));
}

#[test]
fn binary_and_long_lines_become_lines() {
    let long = format!("Content-Type: text/plain\r\n\r\n{}\r\n", "x".repeat(2_000));
    assert!(fitted(&long, HopCapabilities::EIGHT_BIT).lines().all(|line| line.len() <= 76));
    let binary = "Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\n\r";
    let expected = "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAoN\r\n";
    assert_eq!(fitted(binary, HopCapabilities::EIGHT_BIT), expected);
}

fn check_refused(raw: &str, expected: DowngradeError) {
    assert_eq!(Downgrade::new(HOP_7).apply(raw.as_bytes()).unwrap_err(), expected);
}

#[test]
fn what_cannot_change_is_refused_with_its_place() {
    let signed = "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\u{ef}\r\n--b--\r\n";
    check_refused(signed, DowngradeError::Signed { at: 0 });
    let inside = format!("Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n{signed}--o--\r\n");
    check_refused(&inside, DowngradeError::Signed { at: 50 });
    check_refused("A: b\r\nDKIM-Signature: x\r\n\r\n\u{ef}\r\n", DowngradeError::DkimSigned { at: 6 });
    check_refused("Subject: \u{ef}\r\n\r\nplain\r\n", DowngradeError::Header { at: 0 });
    check_refused("Content-Transfer-Encoding: base64\r\n\r\n\u{ef}\r\n", DowngradeError::Encoded { at: 0 });
    let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(100);
    check_refused(&format!("{deep}\r\n\u{ef}\r\n"), DowngradeError::Depth { at: 64 * 32 });
}

#[test]
fn signed_parts_that_fit_stay_octet_for_octet() {
    let signed = "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\nsigned  \r\n--s\r\n\r\nsignature\r\n--s--\r\n";
    let raw = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{signed}\r\n--b\r\n\r\nA na\u{ef}ve approach.\r\n--b--\r\n"
    );
    assert!(fitted(&raw, HOP_7).contains(signed));
}

#[test]
fn the_caller_may_break_signatures() {
    let raw = "DKIM-Signature: x\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\u{ef}\r\n--b--\r\n";
    let broken = Downgrade::new(HOP_7).signed(SignedContent::Break).apply(raw.as_bytes()).unwrap();
    assert_eq!((broken.signatures_broken(), broken.parts_encoded()), (2, 1));
    assert!(broken.is_changed() && broken.content().is_ascii());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn bodies_survive_the_downgrade(
        text in "([ -~\u{80}-\u{24f}]{0,60}\n){0,6}",
        html in "[ -~\u{80}-\u{24f}\u{3000}-\u{30ff}]{0,200}",
        octets in prop::collection::vec(any::<u8>(), 0..200),
        binary in any::<bool>(),
    ) {
        let hop = if binary { HopCapabilities::BINARY } else { HopCapabilities::EIGHT_BIT };
        let image = Part::octets(MediaType::new("image/png").unwrap(), octets.as_slice());
        let builder = MessageBuilder::new()
            .from(Mailbox::new("a@example.org").unwrap())
            .text(text.as_str())
            .html(html.as_str())
            .inline(image.content_id(MessageId::new("i@example.org").unwrap()));
        let stamp = Stamp::new(DateTime::from_unix_seconds(0, 0).unwrap(), [7; 16]);
        let raw = builder.build(hop, &stamp).unwrap().to_vec().unwrap();
        let fitted = Downgrade::new(HOP_7).apply(&raw).unwrap();
        prop_assert_eq!(Conformance::of(fitted.content()).needs(), HOP_7);
        let bodies = |content: &[u8]| {
            let message = Message::parse(content);
            assert!(message.defects().is_empty(), "{:?}", message.defects());
            message.leaves().map(|part| part.body().octets().to_vec()).collect::<Vec<_>>()
        };
        prop_assert_eq!(bodies(fitted.content()), bodies(&raw));
    }

    #[test]
    fn any_octets_are_fitted_or_refused(
        raw in prop::collection::vec(
            prop::sample::select(vec![
                &b"Content-Type: multipart/mixed; boundary=b\r\n"[..], b"Content-Type: message/rfc822\r\n", b"\r\n--b\r\n",
                b"--b--\r\n", b"\r\n", b"\xc3\xaf", b"\0", b"text ", b"\r", b"\n", b"Content-Transfer-Encoding: 8bit\r\n",
            ]),
            0..16,
        ).prop_map(|pieces| pieces.concat()),
    ) {
        for signed in [SignedContent::Refuse, SignedContent::Break] {
            if let Ok(fitted) = Downgrade::new(HOP_7).signed(signed).apply(&raw) {
                prop_assert_eq!(
                    Conformance::of(fitted.content()).needs(), HOP_7, "{:?}", String::from_utf8_lossy(fitted.content())
                );
            }
        }
    }
}
