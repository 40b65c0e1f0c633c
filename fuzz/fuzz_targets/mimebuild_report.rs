//! Any report part: parsed without panic; what was read is written so that it is read the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_mime::report::{DeliveryStatus, DispositionNotification, FeedbackReport};

fuzz_target!(|part: &[u8]| {
    let status = DeliveryStatus::parse(part).report;
    assert_eq!(DeliveryStatus::parse(status.to_string().as_bytes()).report.recipients, status.recipients);
    if let Some(notification) = DispositionNotification::parse(part).report {
        let written = notification.to_string();
        assert_eq!(DispositionNotification::parse(written.as_bytes()).report, Some(notification));
    }
    if let Some(report) = FeedbackReport::parse(part).report {
        let written = report.to_string();
        assert_eq!(FeedbackReport::parse(written.as_bytes()).report, Some(report));
    }
});
