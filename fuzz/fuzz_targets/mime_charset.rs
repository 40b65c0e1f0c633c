//! Any octets under any label: text comes out, and what is ASCII stays what it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_mime::decode::charset;
use smtpkit_mime::decode::flowed::{DelSp, paragraphs};

fuzz_target!(|input: (&str, &[u8])| {
    let (label, octets) = input;
    for label in [label, "utf-8", "utf-7", "iso-2022-jp", "gb18030", "x-unknown"] {
        let decoded = charset::decode(label, octets);
        assert!(decoded.text.len() <= 3 * octets.len() + 3);
        for del_sp in [DelSp::No, DelSp::Yes] {
            let joined: usize = paragraphs(&decoded.text, del_sp).map(|paragraph| paragraph.text.len()).sum();
            assert!(joined <= decoded.text.len());
        }
    }
});
