//! Mail of the usual shapes, the same in each run.

use std::fmt::Write as _;

use smtpkit_mime::encode;

use crate::text::{keep, text};

/// A text of one part from one to another: 4 KiB with a header of 1.3 KiB, as a message looks behind three hops.
pub fn text_mail() -> &'static [u8] {
    let mut mail = trace(3);
    mail.push_str(
        "From: Jane Doe <jane.doe@example.com>\r\nTo: Bob Smith <bob@example.org>\r\n\
         Subject: Figures of the third quarter\r\nDate: Tue, 18 Nov 2025 10:00:07 +0100\r\n\
         Message-ID: <20251118090007.1234@mail.example.com>\r\nMIME-Version: 1.0\r\n",
    );
    mail.push_str("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
    let left = 4096 - mail.len();
    keep([mail.into_bytes(), text(left)].concat())
}

/// Text and HTML as alternatives, both in quoted-printable: 75 KB.
pub fn alternative() -> &'static [u8] {
    let mut mail = head(3);
    mail.push_str("Content-Type: multipart/alternative; boundary=\"=_alternative_7f3a\"\r\n\r\n");
    for (subtype, body) in [("plain", text(15_000)), ("html", html(50_000).into_bytes())] {
        let _ = write!(
            mail,
            "--=_alternative_7f3a\r\nContent-Type: text/{subtype}; charset=utf-8\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n{}\r\n",
            quoted_printable(&body)
        );
    }
    mail.push_str("--=_alternative_7f3a--\r\n");
    keep(mail)
}

/// A short text and an attachment of 1 MiB in base64.
pub fn attachment() -> &'static [u8] {
    let mut mail = head(3);
    let _ = write!(
        mail,
        "Content-Type: multipart/mixed; boundary=\"=_mixed_91bc\"\r\n\r\n--=_mixed_91bc\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\nSee the file.\r\n--=_mixed_91bc\r\n\
         Content-Type: application/octet-stream; name=\"data.bin\"\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"data.bin\"\r\n\r\n{}--=_mixed_91bc--\r\n",
        base64(&octets(1024 * 1024 / 4 * 3))
    );
    keep(mail)
}

/// Text in which most characters need an escape: 120 KB of Greek in quoted-printable.
pub fn dense_quoted_printable() -> &'static [u8] {
    let mut mail = head(3);
    mail.push_str(
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
    );
    let line = "μῆνιν ἄειδε θεὰ Πηληϊάδεω Ἀχιλῆος οὐλομένην, ἣ μυρί᾽ Ἀχαιοῖς\r\n";
    mail.push_str(&quoted_printable(line.repeat(355).as_bytes()));
    keep(mail)
}

/// Mostly header: 22 KB of hops and seals, and one line of text.
pub fn header_heavy() -> &'static [u8] {
    let mut mail = head(65);
    for seal in 1..=25 {
        let _ = write!(
            mail,
            "ARC-Seal: i={seal}; a=rsa-sha256; t=1763000000; cv=pass; d=forwarder.example; s=arc-2026;\r\n\
             \tb={};\r\n",
            "Zm9yIGEgc2VhbCB0aGF0IG5vYm9keSBjaGVja3M".repeat(6)
        );
    }
    mail.push_str("Content-Type: text/plain\r\n\r\nMostly header.\r\n");
    keep(mail)
}

/// A text for 60 people, who all stand in its header.
pub fn many_recipients() -> &'static [u8] {
    let mut mail = trace(3);
    mail.push_str("From: Jane Doe <jane.doe@example.com>\r\nTo: ");
    for number in 0..60 {
        let _ = write!(mail, "\"Recipient {number}\" <recipient.{number}@department.example.org>,\r\n\t");
    }
    mail.push_str("last@example.org\r\nContent-Type: text/plain\r\n\r\nTo you all.\r\n");
    keep(mail)
}

/// Octets that do not repeat.
pub fn octets(count: usize) -> Vec<u8> {
    let mut seed = 1_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    std::iter::repeat_with(&mut next).take(count).collect()
}

/// Markup as newsletters have it, in lines of any length.
pub fn html(octets: usize) -> String {
    let mut html = String::from("<html><body>\r\n");
    for (number, line) in text(octets).split(|octet| *octet == b'\n').enumerate() {
        if html.len() > octets {
            break;
        }
        let line = String::from_utf8_lossy(line);
        let _ = write!(html, "<tr><td>{number}</td><td class=\"text\">{}</td></tr>\r\n", line.trim_end());
    }
    html.push_str("</body></html>\r\n");
    html
}

/// The fields that so many hops leave, and a signature.
fn trace(hops: usize) -> String {
    let mut trace = String::new();
    for hop in 0..hops {
        let _ = write!(
            trace,
            "Received: from relay{hop}.example.net (relay{hop}.example.net [192.0.2.{hop}])\r\n\
             \tby mx{hop}.example.org (Postfix) with ESMTPS id 4bT{hop:05}xyz\r\n\
             \tfor <bob@example.org>; Tue, 18 Nov 2025 10:{:02}:07 +0100 (CET)\r\n",
            hop % 60
        );
    }
    trace.push_str(
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=mail2025;\r\n\
         \th=from:to:subject:date:message-id:mime-version:content-type;\r\n\
         \tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n\
         \tb=c2lnbmF0dXJlIHRoYXQgaXMgbm90IGNoZWNrZWQgaGVyZSBhdCBhbGwsIG9ubHkgcmVhZA==\r\n",
    );
    trace
}

/// The same with the fields of a mail to several people.
fn head(hops: usize) -> String {
    let mut head = trace(hops);
    head.push_str(
        "From: \"Jane Doe\" <jane.doe@example.com>\r\n\
         To: Bob Smith <bob@example.org>, \"Carol, Accounts\" <carol@example.org>\r\n\
         Cc: dave@example.net\r\n\
         Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from the third quarter\r\n\
         Date: Tue, 18 Nov 2025 10:00:07 +0100\r\n\
         Message-ID: <20251118090007.1234@mail.example.com>\r\n\
         MIME-Version: 1.0\r\n",
    );
    head
}

fn quoted_printable(octets: &[u8]) -> String {
    let mut encoder = encode::QuotedPrintableEncoder::new();
    let mut encoded = Vec::new();
    encoder.push(octets, &mut encoded);
    encoder.finish(&mut encoded);
    String::from_utf8(encoded).expect("quoted-printable is ASCII")
}

fn base64(octets: &[u8]) -> String {
    let mut encoder = encode::Base64Encoder::new();
    let mut encoded = Vec::new();
    encoder.push(octets, &mut encoded);
    encoder.finish(&mut encoded);
    String::from_utf8(encoded).expect("base64 is ASCII")
}
