//! Any octets under every transfer encoding: pieces decode like the whole, to no more than went in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_mime::decode::{TransferDecoder, TransferEncoding};

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, body) = (usize::from(input.0).max(1), input.1);
    for encoding in [TransferEncoding::Base64, TransferEncoding::QuotedPrintable, TransferEncoding::Uuencode]
    {
        let (whole, defects) = encoding.decode(body);
        // a line of uuencode may promise up to 63 octets and be cut short
        assert!(whole.len() <= body.len().max(63) || encoding == TransferEncoding::Uuencode);
        let (mut decoder, mut pieces) = (TransferDecoder::new(encoding), Vec::new());
        for piece in body.chunks(piece) {
            decoder.push(piece, &mut pieces);
        }
        decoder.finish(&mut pieces);
        assert!(whole == pieces, "{encoding:?}");
        assert_eq!(&defects, decoder.defects(), "{encoding:?}");
    }
});
