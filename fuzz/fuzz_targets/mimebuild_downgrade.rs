//! Any content: refused with its place, or made to fit; and what fits already is not touched.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_mime::HopCapabilities;
use smtpkit_mime::conformance::Conformance;
use smtpkit_mime::downgrade::{Downgrade, SignedContent};

fuzz_target!(|raw: &[u8]| {
    for hop in [HopCapabilities::SEVEN_BIT, HopCapabilities::EIGHT_BIT, HopCapabilities::SMTPUTF8] {
        for signed in [SignedContent::Refuse, SignedContent::Break] {
            let downgrade = Downgrade::new(hop).signed(signed);
            let Ok(fitted) = downgrade.apply(raw) else { continue };
            assert!(hop.covers(Conformance::of(fitted.content()).needs()));
            assert!(signed == SignedContent::Break || fitted.signatures_broken() == 0);
            let again = downgrade.apply(fitted.content()).expect("it fits already");
            assert!(!again.is_changed());
        }
    }
});
