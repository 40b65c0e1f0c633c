//! Reports: what is built is read back, what others wrote is read as far as it can be.

use proptest::prelude::*;
use smtpkit_mime::build::{Field, FieldName, Mailbox, MessageBuilder, MessageId, Part, Stamp};
use smtpkit_mime::report::{
    Action, DeliveryStatus, Disposition, DispositionNotification, FeedbackReport, FeedbackType,
    RecipientStatus, ReportDefectKind, ReportText, Returned, StatusCode, TypedValue,
};
use smtpkit_mime::{DateTime, HopCapabilities, Message};

fn message_with(part: Part<'_>) -> Vec<u8> {
    let stamp = Stamp::new(DateTime::from_unix_seconds(0, 0).unwrap(), [3; 16]);
    let builder = MessageBuilder::new()
        .from(Mailbox::new("MAILER-DAEMON@mx.example.org").unwrap())
        .to(Mailbox::new("ada@example.org").unwrap())
        .field(Field::raw("Auto-Submitted", "auto-replied").unwrap())
        .body(part);
    builder.build(HopCapabilities::SEVEN_BIT, &stamp).unwrap().to_vec().unwrap()
}

fn text(value: &str) -> ReportText {
    ReportText::new(value).unwrap()
}

fn at(seconds: i64) -> Option<DateTime> {
    Some(DateTime::from_unix_seconds(seconds, 120).unwrap())
}

fn extension(name: &str, value: &str) -> (FieldName, ReportText) {
    (FieldName::new(name).unwrap(), text(value))
}

fn full_status(recipient: &str) -> DeliveryStatus {
    let actions = [Action::Failed, Action::Delayed, Action::Delivered, Action::Relayed, Action::Expanded];
    let recipients = actions.map(|action| {
        let mut status = RecipientStatus::new(
            TypedValue::rfc822(recipient).unwrap(),
            action,
            StatusCode::new(4, 4, 7).unwrap(),
        );
        status.original_recipient = Some(TypedValue::rfc822("Bob+x=y@example.com").unwrap());
        status.remote_mta = Some(TypedValue::dns("mx.example.com").unwrap());
        status.diagnostic_code = Some(TypedValue::smtp_lossy("450-4.4.7 try\r\n450 4.4.7 later; please"));
        status.last_attempt_date = at(1_000_000_000);
        status.final_log_id = Some(text("4B8 x"));
        status.will_retry_until = at(1_000_432_000);
        status.extensions = vec![extension("X-Actual-Recipient", "rfc822; b@example.com")];
        status
    });
    let mut status = DeliveryStatus::new(TypedValue::dns("mx.example.org").unwrap(), recipients);
    status.original_envelope_id = Some(text("QQ314159 +x"));
    status.dsn_gateway = Some(TypedValue::dns("gateway.example.org").unwrap());
    status.received_from_mta = Some(TypedValue::dns("client.example.net").unwrap());
    status.arrival_date = at(999_999_999);
    status.extensions = vec![extension("X-Queue-ID", "4B8"), extension("X-Queue-ID", "4B9")];
    status
}

const ORIGINAL: &str =
    "From: ada@example.org\r\nSubject: Note G\r\n\r\nA na\u{ef}ve approach to a problem.\r\n";

#[test]
fn a_delivery_status_is_read_back_with_all_its_fields() {
    let status = full_status("bob@example.com");
    let content = message_with(status.report("Sorry.\n", Returned::message(ORIGINAL.as_bytes())));
    let message = Message::parse(&content);
    let types: Vec<String> = message.parts().map(|part| part.content_type().to_string()).collect();
    assert_eq!(
        types,
        ["multipart/report", "text/plain", "message/delivery-status", "message/rfc822", "text/plain"]
    );
    let root = message.root().content_type();
    assert_eq!(root.parameters().get("report-type").as_deref(), Some("delivery-status"));
    let parsed = DeliveryStatus::find(&message).unwrap();
    assert_eq!(parsed.defects, []);
    assert_eq!(parsed.report, status);
}

/// RFC 6533 §3 and §4: an address alone is escaped, other text makes the report global.
#[test]
fn utf_8_in_a_delivery_status_is_carried() {
    let status = full_status("jürgen+x@例.example");
    let content = message_with(status.report("Sorry.\n", Returned::headers(ORIGINAL.as_bytes())));
    let written = String::from_utf8(content.clone()).unwrap();
    assert!(written.contains("Final-Recipient: utf-8; j\\x{FC}rgen\\x{2B}x@\\x{4F8B}.example\r\n"));
    assert!(written.contains("\r\nContent-Type: message/delivery-status\r\n"));
    assert_eq!(DeliveryStatus::find(&Message::parse(&content)).unwrap().report, status);

    let mut status = status;
    status.recipients[0].diagnostic_code = Some(TypedValue::smtp("550 empfänger unbekannt").unwrap());
    let raw = "From: jürgen@例.example\r\n\r\nHallo\r\n".as_bytes();
    let content = message_with(status.report("Sorry.\n", Returned::message(raw)));
    let message = Message::parse(&content);
    let types: Vec<String> = message.parts().map(|part| part.content_type().to_string()).collect();
    assert_eq!(types[2..4], ["message/global-delivery-status", "message/global"]);
    let parsed = DeliveryStatus::find(&message).unwrap();
    assert_eq!((parsed.report, parsed.defects), (status, vec![]));
}

#[test]
fn headers_alone_are_returned_as_text() {
    let status = full_status("bob@example.com");
    let content = message_with(status.report("Sorry.\n", Returned::headers(ORIGINAL.as_bytes())));
    let message = Message::parse(&content);
    let last = message.leaves().last().unwrap();
    assert_eq!(last.content_type().to_string(), "text/rfc822-headers");
    assert_eq!(last.body().octets(), b"From: ada@example.org\r\nSubject: Note G\r\n");
    let nothing = message_with(status.report("Sorry.\n", Returned::Nothing));
    assert_eq!(Message::parse(&nothing).leaves().count(), 2);
}

#[test]
fn what_cannot_be_used_is_told_and_kept() {
    let part = b"Arrival-Date: yesterday\nReporting-MTA: dns;mx.example.org\nnonsense\n\n\n\
        Final-Recipient: RFC822;b@example.com\nAction: FAILED (really)\nStatus: 5.1.1\nStatus: 5.1.2\n\
        X-Note: kept\n\nFinal-Recipient: rfc822;c@example.com\nAction: bounced\nStatus: 5.0.0\n";
    let parsed = DeliveryStatus::parse(part);
    let kinds: Vec<_> = parsed.defects.iter().map(|defect| defect.kind).collect();
    assert_eq!(
        kinds,
        [
            ReportDefectKind::NoField,
            ReportDefectKind::BadValue("Arrival-Date"),
            ReportDefectKind::Twice("Status"),
            ReportDefectKind::BadValue("Action"),
        ]
    );
    assert_eq!(parsed.report.extensions, [extension("Arrival-Date", "yesterday")]);
    let [recipient] = parsed.report.recipients.as_slice() else { panic!("{:?}", parsed.report) };
    assert_eq!(recipient.action, Action::Failed);
    assert_eq!(recipient.extensions, [extension("Status", "5.1.2"), extension("X-Note", "kept")]);
}

#[test]
fn a_report_without_fields_about_the_message_is_read() {
    let part = b"Final-Recipient: rfc822; b@example.com\r\nAction: delivered\r\nStatus: 2.0.0\r\n";
    let parsed = DeliveryStatus::parse(part);
    assert_eq!(parsed.report.recipients.len(), 1);
    assert_eq!(parsed.defects[0].kind, ReportDefectKind::Missing("Reporting-MTA"));
}

#[test]
fn a_disposition_notification_is_read_back() {
    let disposition: Disposition =
        "manual-action/MDN-sent-manually; deleted/error,x-warning".parse().unwrap();
    let mut notification =
        DispositionNotification::new(TypedValue::rfc822("bob@example.com").unwrap(), disposition);
    notification.reporting_ua = Some(text("joes-pc.example.com; Foomail 97.1"));
    notification.mdn_gateway = Some(TypedValue::dns("gateway.example.org").unwrap());
    notification.original_recipient = Some(TypedValue::rfc822("b@example.com").unwrap());
    notification.original_message_id = Some(MessageId::new("199509192301.23456@example.org").unwrap());
    notification.errors = vec![text("first"), text("second")];
    notification.extensions = vec![extension("X-More", "yes")];
    let content = message_with(notification.report("Deleted.\n", Returned::Nothing));
    let message = Message::parse(&content);
    assert_eq!(
        message.root().content_type().parameters().get("report-type").as_deref(),
        Some("disposition-notification")
    );
    let parsed = DispositionNotification::find(&message).unwrap();
    assert_eq!((parsed.report, parsed.defects), (Some(notification), vec![]));
}

#[test]
fn a_feedback_report_is_read_back() {
    let mut report = FeedbackReport::new(FeedbackType::ABUSE, text("SomeGenerator/1.0"));
    report.original_envelope_id = Some(text("QQ314159"));
    report.original_mail_from = Some(text("<somespammer@example.net>"));
    report.arrival_date = at(1_110_000_000);
    report.reporting_mta = Some(TypedValue::dns("mail.example.com").unwrap());
    report.source_ip = Some("2001:db8::1".parse().unwrap());
    report.incidents = Some(3);
    report.authentication_results = vec![text("mail.example.com; spf=fail")];
    report.original_rcpt_to = vec![text("<a@example.com>"), text("<b@example.com>")];
    report.reported_domain = vec![text("example.net")];
    report.reported_uri = vec![text("http://example.net/earn_money.html")];
    report.extensions = vec![extension("Removal-Recipient", "user@example.com")];
    let content = message_with(report.report("Spam.\n", Returned::message(ORIGINAL.as_bytes())));
    let parsed = FeedbackReport::find(&Message::parse(&content)).unwrap();
    assert_eq!((parsed.report, parsed.defects), (Some(report), vec![]));
}

proptest! {
    #[test]
    fn any_octets_can_be_parsed_and_what_was_read_is_written_so_that_it_reads_the_same(
        part in prop::collection::vec(
            prop::sample::select(vec![
                "Reporting-MTA: dns; a", "Final-Recipient: rfc822; b@c", "Final-Recipient: utf-8; \\x{FC}", "Action: failed",
                "Action: x", "Status: 5.0.0", "Arrival-Date: 1 Jan 2020 00:00 +0000", "X: ü", "X:", " folded", "\r\n\r\n",
                "Feedback-Type: abuse", "User-Agent: x", "Version: 1", "Source-IP: ::1",
                "Disposition: manual-action/MDN-sent-manually; displayed", "Error: e", "nonsense", ":", "\u{0}", "\r",
            ]),
            0..24,
        ).prop_map(|lines| lines.join("\r\n") + "\r\n"),
    ) {
        let status = DeliveryStatus::parse(part.as_bytes()).report;
        let again = DeliveryStatus::parse(status.to_string().as_bytes()).report;
        prop_assert_eq!(again.recipients, status.recipients);
        if let Some(notification) = DispositionNotification::parse(part.as_bytes()).report {
            let again = DispositionNotification::parse(notification.to_string().as_bytes()).report;
            prop_assert_eq!(again, Some(notification));
        }
        if let Some(report) = FeedbackReport::parse(part.as_bytes()).report {
            let again = FeedbackReport::parse(report.to_string().as_bytes()).report;
            prop_assert_eq!(again, Some(report));
        }
    }

    #[test]
    fn no_text_starts_a_field_of_its_own(value in any::<String>()) {
        let mut status = full_status("bob@example.com");
        status.recipients[0].diagnostic_code = Some(TypedValue::smtp_lossy(&value));
        status.original_envelope_id = Some(ReportText::lossy(&value));
        let written = status.to_string();
        prop_assert!(written.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n', '\0'])));
        let parsed = DeliveryStatus::parse(written.as_bytes());
        prop_assert_eq!(parsed.defects, vec![]);
        prop_assert_eq!(parsed.report, status);
    }
}
