//! Reports of other systems about mail that was forwarded here (RFC 3464).
//!
//! Forwarded mail has a reverse-path of ours (SRS), so the report of a later hop comes here, on its way to the first sender.
//! It names the address behind the alias, its host, and what that host said. The sender gets a report of ours instead,
//! about the address that he wrote to: what was done, the status, and the header as it was when it left us the first
//! time. Whatever is no delivery status notification passes as it is: an answer is written by a person, or in the name
//! of one, who may tell who he is.

use bytes::Bytes;
use smtpkit_codec::{ForwardPath, MailParameters, Mailbox, ReversePath};
use smtpkit_mime::report::{DeliveryStatus, RecipientStatus};
use smtpkit_mime::{Header, Message};
use smtpkit_queue::{Entry, LastReply, QueueId, Recipient, Timestamp};

use crate::NextHop;
use crate::mix::mix;
use crate::report::{Case, Notice, build};
use crate::routes::Routes;

/// As much of a report is read: what was done stands near its beginning.
pub(super) const READ_OCTETS_MAX: usize = 256 * 1024;

/// A message that came back to a reverse-path of ours.
pub(super) struct Forwarded<'a> {
    /// Its first octets.
    pub(super) report: &'a [u8],
    /// Who sent the mail that was forwarded.
    pub(super) sender: Mailbox,
    pub(super) routes: &'a Routes,
    pub(super) now: Timestamp,
}

/// The report that the sender gets instead; `None` if the message is no report.
///
/// A report that comes twice is told twice in the same words, Message-ID included, so that readers see that it is one.
pub(super) fn told_anew(forwarded: &Forwarded<'_>) -> Option<Bytes> {
    let message = Message::parse(forwarded.report);
    let status = DeliveryStatus::find(&message)?.report;
    let returned = Returned::find(&message, forwarded.routes.hostname());
    let date = message.date().and_then(|date| u64::try_from(date.unix_seconds()).ok());
    let now = date.map_or(forwarded.now, Timestamp::from_seconds);
    let name = message.message_id().unwrap_or_default();
    let id = QueueId::from_u64(name.bytes().fold(0, |sum, octet| mix(sum ^ u64::from(octet))));
    let envelope_id = status.original_envelope_id.as_ref();
    let parameters = envelope_id.and_then(|id| MailParameters::default().with_envid(id.as_str()).ok());
    let entry = Entry::new(returned.id.unwrap_or(id), ReversePath::from(forwarded.sender.clone()))
        .with_parameters(parameters.unwrap_or_default());

    let mut told: Vec<(Recipient, &RecipientStatus)> = Vec::new();
    for block in &status.recipients {
        let path = known_path(block, &returned, forwarded.routes)?;
        if !told.iter().any(|(known, other)| known.path == path && other.action == block.action) {
            let recipient = Recipient::new(path.clone(), NextHop::Discard.site()).with_alias(path);
            told.push((recipient, block));
        }
    }
    let cases: Vec<Case<'_>> = told.iter().filter_map(|(recipient, block)| case(recipient, block)).collect();
    if cases.is_empty() {
        return None;
    }
    let (hostname, content) = (forwarded.routes.hostname(), &*returned.header);
    build(&Notice { entry: &entry, cases, hostname, now, id, content })
}

fn case<'a>(recipient: &'a Recipient, block: &RecipientStatus) -> Option<Case<'a>> {
    let reply = LastReply::new(block.status.to_string().parse().ok()?, "");
    Some(Case { recipient, action: block.action, reply })
}

/// The address that the sender wrote to: as the report repeats it if that is an address here, else as our trace field has
/// it, else none that means anybody.
fn known_path(block: &RecipientStatus, returned: &Returned, routes: &Routes) -> Option<ForwardPath> {
    let original = block.original_recipient.as_ref().filter(|original| original.is("rfc822"));
    let original = original.and_then(|original| original.value().parse::<Mailbox>().ok());
    let is_here = |mailbox: &Mailbox| routes.directory().is_local(mailbox.as_ref());
    let known = original.filter(is_here).or_else(|| returned.recipient.clone().filter(is_here));
    let undisclosed = || Mailbox::from_parts("undisclosed", routes.hostname()).ok();
    known.or_else(undisclosed).map(ForwardPath::from)
}

/// What a report returns of the mail that it is about, from the trace field on that we put on top of it.
#[derive(Debug, Default)]
struct Returned {
    header: Vec<u8>,
    /// Its name in our queue.
    id: Option<QueueId>,
    /// The recipient, if it had just one.
    recipient: Option<Mailbox>,
}

impl Returned {
    fn find(message: &Message<'_>, hostname: &str) -> Self {
        let is_wanted = |part: &smtpkit_mime::Part<'_>| {
            let content_type = part.content_type();
            matches!(
                (content_type.kind(), content_type.subtype()),
                ("text", "rfc822-headers") | ("message", "rfc822" | "global" | "global-headers")
            )
        };
        let parts = message.parts().filter(is_wanted);
        parts.filter_map(|part| Self::of(&part.body().into_octets(), hostname)).next().unwrap_or_default()
    }

    /// What stands above our trace field, the first one if the mail came by more than once, was put there by those who had
    /// the mail after us.
    fn of(octets: &[u8], hostname: &str) -> Option<Self> {
        let header = Header::parse(octets);
        let is_ours = |by: Option<&str>| by.is_some_and(|by| by.eq_ignore_ascii_case(hostname));
        let ours = header.all("Received").filter(|field| is_ours(field.received().by())).last()?;
        let trace = ours.received();
        let recipient = trace.for_mailbox().and_then(|mailbox| mailbox.parse().ok());
        let header = octets.get(usize::try_from(ours.at()).ok()?..)?.to_vec();
        Some(Self { header, id: trace.id().and_then(|id| id.parse().ok()), recipient })
    }
}

#[cfg(test)]
mod tests {
    use smtpkit_auth::Secret;
    use smtpkit_mime::report::Action;

    use super::*;
    use crate::{Directory, SrsKeys};

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn told(report: &str) -> Option<String> {
        let mut directory = Directory::default();
        directory.add_mailbox("alice@example.test").unwrap();
        let keys = SrsKeys::new([Secret::new(*b"sixteen octets..")]).unwrap();
        let routes =
            Routes::builder("mx.example.test", directory).srs("example.test".parse().unwrap(), keys).build();
        let sender = "ada@sender.test".parse().unwrap();
        let told = told_anew(&Forwarded { report: report.as_bytes(), sender, routes: &routes, now: NOW });
        told.map(|told| String::from_utf8(told.to_vec()).unwrap())
    }

    fn report(fields: &str, returned: &str) -> String {
        format!(
            "From: MAILER-DAEMON@mx.target.test\r\nTo: <SRS0=x@example.test>\r\nMessage-ID: <r1@mx.target.test>\r\n\
             Date: Mon, 5 Jan 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
             --b\r\n\r\n<hidden@target.test>: no such user\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.target.test\r\n\
             Original-Envelope-ID: QQ1\r\n\r\n{fields}\r\n\
             --b\r\nContent-Type: message/rfc822\r\n\r\n{returned}--b--\r\n"
        )
    }

    const FAILED: &str = "Final-Recipient: rfc822; hidden@target.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\
                          Remote-MTA: dns; inner.target.test\r\nDiagnostic-Code: smtp; 550 5.1.1 hidden\r\n";
    const RETURNED: &str = "Received: from mx.example.test by mx.target.test with ESMTP\r\n\
                            Received: from out.sender.test by MX.example.test with ESMTP\r\n\tid 01K2Z7QW8R3TA for <me@example.test>; now\r\n\
                            Subject: hi\r\n\r\nbody\r\n";

    fn check(fields: &str, returned: &str, expected: &str) {
        let told = told(&report(fields, returned)).unwrap();
        let status = DeliveryStatus::find(&Message::parse(told.as_bytes())).unwrap();
        assert!(status.defects.is_empty(), "{:?}", status.defects);
        let [block] = status.report.recipients.as_slice() else { panic!("{told}") };
        assert_eq!((block.action, block.status.to_string().as_str()), (Action::Failed, "5.1.1"));
        assert_eq!(block.final_recipient.value(), expected);
        assert_eq!(status.report.original_envelope_id.unwrap().as_str(), "QQ1");
        assert!(!told.contains("hidden") && !told.contains("target.test"), "{told}");
        assert!(told.contains("To: ada@sender.test\r\n"), "{told}");
    }

    #[test]
    fn the_sender_hears_of_the_address_that_he_wrote_to() {
        check(FAILED, RETURNED, "me@example.test");
        let original = format!("Original-Recipient: rfc822; alias@example.test\r\n{FAILED}");
        check(&original, RETURNED, "alias@example.test");
        // one that is not here is not one that he need know
        let original = format!("Original-Recipient: rfc822; hidden@target.test\r\n{FAILED}");
        check(&original, RETURNED, "me@example.test");
        check(FAILED, "Subject: hi\r\n\r\n", "undisclosed@mx.example.test");
        // a mail to two recipients behind one host: the address that both stand for is told once
        check(&format!("{FAILED}\r\n{FAILED}"), RETURNED, "me@example.test");
    }

    #[test]
    fn it_returns_what_the_sender_wrote_and_names_our_queue() {
        let told = told(&report(FAILED, RETURNED)).unwrap();
        assert!(told.contains("Subject: hi\r\n") && told.contains("for <me@example.test>"), "{told}");
        assert!(told.contains("queue id 01K2Z7QW8R3TA"), "{told}");
    }

    #[test]
    fn a_report_that_comes_twice_is_one_report() {
        let report = report(FAILED, RETURNED);
        assert_eq!(told(&report), told(&report));
        assert_ne!(told(&report), told(&report.replace("<r1@", "<r2@")));
    }

    #[test]
    fn what_is_no_report_passes() {
        for message in ["Subject: away\r\n\r\nI am on holiday\r\n", "", &report("", RETURNED)] {
            assert_eq!(told(message), None, "{message}");
        }
    }
}
