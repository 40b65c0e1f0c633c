//! Delivery status notifications: who gets one, and what stands in it (RFC 3461, RFC 3464, RFC 6533).
//!
//! One mail and one attempt make at most one report, with one block for each recipient that it is about. A report has the
//! null reverse-path, and nothing that came with it gets a report: mail loops are made of such things (RFC 3461 §4.2).
//!
//! A recipient behind an alias stays behind it: its address, its host and what that host said are left out, for each of them
//! can name it (RFC 3464 §2.3.2; RFC 5321 §7.2 is about the same concern).

use bytes::Bytes;
use smtpkit_codec::{ForwardPath, Mailbox, Ret};
use smtpkit_mime::build::{Field, Mailbox as Author, MessageBuilder, Stamp};
use smtpkit_mime::report::{
    Action, DeliveryStatus, RecipientStatus, ReportText, Returned, StatusCode, TypedValue,
};
use smtpkit_mime::{DateTime, HopCapabilities};
use smtpkit_queue::{Entry, LastReply, QueueId, Recipient, Timestamp};

use crate::mix::octets;

/// Content up to this size is returned whole when the sender asks for it (`RET=FULL`); of larger one, the header.
pub(crate) const RETURNED_OCTETS_MAX: usize = 48 * 1024;

/// What a report says of one recipient.
#[derive(Clone, Debug)]
pub(crate) struct Case<'a> {
    pub(crate) recipient: &'a Recipient,
    pub(crate) action: Action,
    pub(crate) reply: LastReply,
}

/// Everything that a report is made from.
#[derive(Clone, Debug)]
pub(crate) struct Notice<'a> {
    pub(crate) entry: &'a Entry,
    pub(crate) cases: Vec<Case<'a>>,
    /// This system.
    pub(crate) hostname: &'a str,
    pub(crate) now: Timestamp,
    /// The report's own name in the queue.
    pub(crate) id: QueueId,
    /// The content as far as it is at hand: all of it if [`Entry::size`] says so.
    pub(crate) content: &'a [u8],
}

/// Whether the sender wants to hear of it (RFC 3461 §4.1): failures and delays unless he said otherwise, successes only
/// if he asked.
pub(crate) fn is_wanted(entry: &Entry, recipient: &Recipient, action: Action) -> bool {
    if entry.reverse_path.is_null() {
        return false;
    }
    match (recipient.parameters.as_ref().notify(), action) {
        (None, Action::Failed | Action::Delayed) => true,
        (None, _) => false,
        (Some(notify), Action::Failed) => notify.on_failure(),
        (Some(notify), Action::Delayed) => notify.on_delay(),
        (Some(notify), _) => notify.on_success(),
    }
}

/// The content of the report; `None` only if this system's own name cannot stand in a header.
pub(crate) fn build(notice: &Notice<'_>) -> Option<Bytes> {
    let sender = notice.entry.reverse_path.mailbox()?;
    let seconds = i64::try_from(notice.now.get() / 1_000).unwrap_or(i64::MAX);
    let now = DateTime::from_unix_seconds(seconds, 0).ok()?;
    let stamp = Stamp::new(now, octets(notice.id.get(), seconds.cast_unsigned()));
    let hop = if sender.is_ascii() { HopCapabilities::SEVEN_BIT } else { HopCapabilities::SMTPUTF8 };
    let status = status(notice)?;
    let is_whole =
        notice.entry.size <= RETURNED_OCTETS_MAX as u64 && notice.content.len() as u64 >= notice.entry.size;
    let wants_whole = notice.entry.parameters.as_ref().ret() == Some(Ret::Full);
    let is_failure = notice.cases.iter().any(|case| case.action == Action::Failed);
    // what cannot be returned in a form that the way back takes is left out, rather than the report
    let returned = [
        (wants_whole && is_whole && is_failure).then(|| Returned::message(notice.content)),
        Some(Returned::headers(notice.content)),
        Some(Returned::Nothing),
    ];
    returned.into_iter().flatten().find_map(|returned| {
        let report = MessageBuilder::new()
            .from(Author::named("Mail Delivery System", &format!("MAILER-DAEMON@{}", notice.hostname)).ok()?)
            .to(Author::new(sender.as_str()).ok()?)
            .subject(subject(notice))
            .ok()?
            .field(Field::raw("Auto-Submitted", "auto-replied").ok()?)
            .body(status.report(words(notice), returned));
        report.build(hop, &stamp).ok()?.to_vec().ok().map(Bytes::from)
    })
}

fn status(notice: &Notice<'_>) -> Option<DeliveryStatus> {
    let entry = notice.entry;
    let blocks = notice.cases.iter().filter_map(|case| block(notice, case));
    let mut status = DeliveryStatus::new(TypedValue::dns(notice.hostname).ok()?, blocks);
    status.original_envelope_id = entry
        .parameters
        .as_ref()
        .envid()
        .and_then(|id| ReportText::new(&String::from_utf8_lossy(&id.decode())).ok());
    status.arrival_date = date(entry.created());
    status.received_from_mta = entry.origin.hello.as_deref().and_then(|name| TypedValue::dns(name).ok());
    Some(status)
}

fn block(notice: &Notice<'_>, case: &Case<'_>) -> Option<RecipientStatus> {
    let Case { recipient, action, reply } = case;
    let address = address(known_path(recipient), notice.hostname);
    let final_recipient = TypedValue::rfc822(&address).ok()?;
    let mut block = RecipientStatus::new(final_recipient, *action, status_code(*action, reply));
    block.original_recipient = recipient.parameters.as_ref().orcpt().and_then(|orcpt| {
        TypedValue::new(orcpt.address_type(), &String::from_utf8_lossy(&orcpt.decode())).ok()
    });
    if let (Some(host), None) = (&reply.host, &recipient.alias) {
        block.remote_mta = TypedValue::dns(host).ok();
        block.diagnostic_code = Some(TypedValue::smtp_lossy(&reply.text));
    }
    block.last_attempt_date = date(notice.now);
    block.final_log_id = ReportText::new(&notice.entry.id.to_string()).ok();
    if *action == Action::Delayed {
        block.will_retry_until = date(notice.entry.terms.expires);
    }
    Some(block)
}

/// The class says what was done, not what the host said last: 4 for a delay, 5 for a failure, 2 for success.
fn status_code(action: Action, reply: &LastReply) -> StatusCode {
    let class = match action {
        Action::Failed => 5,
        Action::Delayed => 4,
        _ => 2,
    };
    let has_class = reply.status.to_string().starts_with(&class.to_string());
    let (subject, detail) = if has_class || action != Action::Delivered && action != Action::Relayed {
        (reply.status.subject(), reply.status.detail())
    } else {
        (0, 0)
    };
    StatusCode::new(class, subject, detail).unwrap_or_else(|_| {
        StatusCode::new(class, 0, 0).expect("invariant: 2.0.0, 4.0.0 and 5.0.0 are status codes")
    })
}

fn date(moment: Timestamp) -> Option<DateTime> {
    DateTime::from_unix_seconds(i64::try_from(moment.get() / 1_000).ok()?, 0).ok()
}

/// The address that the sender knows.
fn known_path(recipient: &Recipient) -> &ForwardPath {
    recipient.alias.as_ref().unwrap_or(&recipient.path)
}

fn address(path: &ForwardPath, hostname: &str) -> String {
    path.mailbox().map_or_else(|| format!("postmaster@{hostname}"), |mailbox| mailbox.as_str().to_owned())
}

fn subject(notice: &Notice<'_>) -> &'static str {
    let has = |action| notice.cases.iter().any(|case| case.action == action);
    if has(Action::Failed) {
        "Your message could not be delivered"
    } else if has(Action::Delayed) {
        "Your message is delayed"
    } else {
        "Your message was passed on"
    }
}

/// For people: what happened, to whom, and whether there is something to do.
fn words(notice: &Notice<'_>) -> String {
    let mut text = format!(
        "This is the mail system of {}.\n\nYou sent a message (queue id {}), and this became of it.\n",
        notice.hostname, notice.entry.id
    );
    let sections = [
        (Action::Failed, "It could not be delivered to the following recipients, and nobody will try again:"),
        (
            Action::Delayed,
            "It could not yet be delivered to the following recipients. You need do nothing, it will be tried again:",
        ),
        (Action::Delivered, "It was delivered to the following recipients:"),
        (
            Action::Relayed,
            "It was passed on to a system that sends no such reports, for the following recipients:",
        ),
        (Action::Expanded, "It was passed on to all members behind the following addresses:"),
    ];
    for (action, heading) in sections {
        let mut cases = notice.cases.iter().filter(|case| case.action == action).peekable();
        if cases.peek().is_none() {
            continue;
        }
        text.push_str(&format!("\n{heading}\n"));
        for case in cases {
            let address = address(known_path(case.recipient), notice.hostname);
            let said = case.reply.text.replace(['\r', '\n'], " ");
            text.push_str(&match (&case.reply.host, &case.recipient.alias) {
                (_, Some(_)) => format!("\n  <{address}>\n    status {}\n", case.reply.status),
                (Some(host), None) => format!("\n  <{address}>\n    {host} said: {said}\n"),
                (None, None) => format!("\n  <{address}>\n    {said}\n"),
            });
        }
        if let (Action::Delayed, Some(until)) = (action, date(notice.entry.terms.expires)) {
            text.push_str(&format!("\n  Tries end on {until}.\n"));
        }
    }
    text
}

/// Where a report goes.
pub(crate) fn addressee(sender: &Mailbox) -> ForwardPath {
    ForwardPath::from(sender.clone())
}

#[cfg(test)]
mod tests {
    use smtpkit_codec::{MailParameters, RcptParameters, ReversePath};
    use smtpkit_mime::Message;
    use smtpkit_queue::Site;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn recipient(path: &str, parameters: &str) -> Recipient {
        Recipient::new(path.parse().unwrap(), Site::new("mx:example.com"))
            .with_parameters(parameters.parse::<RcptParameters>().unwrap())
    }

    fn entry(sender: &str, parameters: &str, size: u64) -> Entry {
        let id = smtpkit_queue::IdSource::new(1).next(NOW);
        let mut entry = Entry::new(id, sender.parse::<ReversePath>().unwrap())
            .with_parameters(parameters.parse::<MailParameters>().unwrap());
        entry.size = size;
        entry
    }

    fn build_one(
        entry: &Entry,
        recipient: &Recipient,
        action: Action,
        reply: LastReply,
        content: &[u8],
    ) -> String {
        let case = Case { recipient, action, reply };
        let id = smtpkit_queue::IdSource::new(2).next(NOW);
        let notice = Notice { entry, cases: vec![case], hostname: "mx.us.test", now: NOW, id, content };
        String::from_utf8(build(&notice).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn who_wants_to_hear_of_what() {
        let check = |sender: &str, parameters: &str, expected: &str| {
            let (entry, recipient) = (entry(sender, "", 0), recipient("b@example.com", parameters));
            let wanted: String = [
                (Action::Failed, 'f'),
                (Action::Delayed, 'd'),
                (Action::Delivered, 's'),
                (Action::Relayed, 'r'),
                (Action::Expanded, 'e'),
            ]
            .into_iter()
            .filter_map(|(action, letter)| is_wanted(&entry, &recipient, action).then_some(letter))
            .collect();
            assert_eq!(wanted, expected, "{sender} {parameters}");
        };
        check("ada@sender.test", "", "fd");
        check("ada@sender.test", "NOTIFY=NEVER", "");
        check("ada@sender.test", "NOTIFY=SUCCESS", "sre");
        check("ada@sender.test", "NOTIFY=FAILURE", "f");
        check("ada@sender.test", "NOTIFY=SUCCESS,FAILURE,DELAY", "fdsre");
        check("<>", "NOTIFY=SUCCESS,FAILURE,DELAY", "");
    }

    #[test]
    fn a_failure_names_everything_that_is_known() {
        let content = b"Subject: hi\r\n\r\nbody\r\n";
        let entry = entry("ada@sender.test", "ENVID=QQ+2B1", content.len() as u64);
        let recipient = recipient("bob@example.com", "ORCPT=rfc822;Bob@Alias.test");
        let status = "5.1.1".parse().unwrap();
        let reply = LastReply::new(status, "550 5.1.1 no such user").from_host("mx.example.com");
        let report = build_one(&entry, &recipient, Action::Failed, reply, content);
        let found = DeliveryStatus::find(&Message::parse(report.as_bytes())).unwrap();
        assert!(found.defects.is_empty(), "{:?}", found.defects);
        let [block] = found.report.recipients.as_slice() else { panic!("{report}") };
        assert_eq!(found.report.original_envelope_id.unwrap().as_str(), "QQ+1");
        assert_eq!(found.report.reporting_mta.unwrap().value(), "mx.us.test");
        assert_eq!((block.action, block.status.to_string().as_str()), (Action::Failed, "5.1.1"));
        assert_eq!(block.original_recipient.as_ref().unwrap().value(), "Bob@Alias.test");
        assert_eq!(block.final_recipient.value(), "bob@example.com");
        assert_eq!(block.remote_mta.as_ref().unwrap().value(), "mx.example.com");
        assert_eq!(block.diagnostic_code.as_ref().unwrap().value(), "550 5.1.1 no such user");
        assert!(report.contains("Auto-Submitted: auto-replied\r\n"));
        assert!(
            report.contains("Subject: hi\r\n") && !report.contains("\r\nbody\r\n"),
            "the header alone: {report}"
        );
    }

    #[test]
    fn what_is_behind_an_alias_stays_there() {
        let entry = entry("ada@sender.test", "", 30);
        let alias = "sales@example.test".parse().unwrap();
        let recipient = recipient("hidden@target.test", "ORCPT=rfc822;sales@example.test").with_alias(alias);
        for action in [Action::Failed, Action::Delayed, Action::Relayed] {
            let said = "550 5.1.1 <hidden@target.test> is unknown at target.test";
            let reply = LastReply::new("5.1.1".parse().unwrap(), said).from_host("mx.target.test");
            let report = build_one(&entry, &recipient, action, reply, b"Subject: hi\r\n\r\nbody\r\n");
            let found = DeliveryStatus::find(&Message::parse(report.as_bytes())).unwrap().report;
            assert_eq!(found.recipients[0].final_recipient.value(), "sales@example.test");
            assert!(!report.contains("target.test"), "{report}");
            assert!(report.contains("<sales@example.test>"), "{report}");
        }
    }

    #[test]
    fn the_whole_message_comes_back_on_request_if_it_is_small() {
        let content = b"Subject: hi\r\n\r\nbody\r\n";
        let reply = || LastReply::new("5.4.7".parse().unwrap(), "given up");
        let recipient = recipient("bob@example.com", "");
        let check = |parameters: &str, size: u64, action: Action, expected: bool| {
            let entry = entry("ada@sender.test", parameters, size);
            let report = build_one(&entry, &recipient, action, reply(), content);
            assert_eq!(report.contains("\r\nbody\r\n"), expected, "{parameters} {size}");
        };
        let size = content.len() as u64;
        check("RET=FULL", size, Action::Failed, true);
        check("RET=HDRS", size, Action::Failed, false);
        check("RET=FULL", RETURNED_OCTETS_MAX as u64 + 1, Action::Failed, false);
        check("RET=FULL", size, Action::Delivered, false);
    }

    #[test]
    fn an_address_beyond_ascii_makes_a_global_report() {
        let entry = entry("ada@sender.test", "", 0);
        let recipient = recipient("δοκιμή@παράδειγμα.test", "");
        let reply = LastReply::new("5.6.7".parse().unwrap(), "the server does not offer SMTPUTF8");
        let report = build_one(&entry, &recipient, Action::Failed, reply, b"Subject: x\r\n\r\n");
        assert!(report.is_ascii(), "the sender's way back may be ASCII: {report}");
        let found = DeliveryStatus::find(&Message::parse(report.as_bytes())).unwrap().report;
        assert_eq!(found.recipients[0].status.to_string(), "5.6.7");
    }
}
