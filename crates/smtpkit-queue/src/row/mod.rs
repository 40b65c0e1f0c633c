//! How an entry looks on disk: rows of octets, written by hand, each with its version first.
//!
//! ```text
//! entry     what never changes: envelope, origin, terms, and each recipient as it was accepted
//! progress  what has become of one recipient; only written when it differs from the entry's row
//! event     one row of the outbox
//! ```
//!
//! So the usual mail, delivered at the first attempt, costs one row (and one for its content), and
//! an outcome never rewrites a row that grows with the number of recipients.

mod entry_row;
mod event_row;
mod octets;
mod progress_row;

pub(crate) use entry_row::{EntryRow, RecipientRow, decode_entry, decode_some, encode_entry};
pub(crate) use event_row::{decode_event, encode_event};
pub(crate) use octets::BadRow;
pub(crate) use progress_row::{decode_progress, encode_progress};

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use smtpkit_codec::{EnhancedStatusCode, StatusClass};

    use crate::batch::Event;
    use crate::content::ContentId;
    use crate::entry::{Entry, Origin};
    use crate::index::Progress;
    use crate::queue_id::QueueId;
    use crate::recipient::{DelayNotice, LastReply, Recipient, RecipientState};
    use crate::schedule::Terms;
    use crate::site::Site;
    use crate::timestamp::Timestamp;

    use super::*;

    fn moment() -> impl Strategy<Value = Timestamp> {
        any::<u64>().prop_map(Timestamp::new)
    }

    fn id() -> impl Strategy<Value = QueueId> {
        any::<u64>().prop_map(QueueId::from_u64)
    }

    fn text() -> impl Strategy<Value = Box<str>> {
        ".{0,20}".prop_map(Into::into)
    }

    fn optional_text() -> impl Strategy<Value = Option<Box<str>>> {
        proptest::option::of(text())
    }

    fn content(of: QueueId) -> impl Strategy<Value = ContentId> {
        prop_oneof![Just(ContentId::Row(of)), id().prop_map(ContentId::Row), id().prop_map(ContentId::File)]
    }

    fn recipient() -> impl Strategy<Value = Recipient> {
        let path = prop_oneof![
            Just("Postmaster"),
            Just("jane@example.com"),
            Just("\"a b@c\"@example.net"),
            Just("用户@例子.example"),
            Just("x@[192.0.2.1]"),
        ];
        let parameters = prop_oneof![
            Just(""),
            Just("NOTIFY=SUCCESS,DELAY ORCPT=rfc822;jane+40example.com"),
            Just("NOTIFY=NEVER X-OTHER=1"),
        ];
        let alias = proptest::option::of(path.clone());
        let given = (path, alias, parameters, text(), moment(), any::<bool>());
        given.prop_map(|(path, alias, parameters, site, due, held)| {
            let mut recipient = Recipient::new(path.parse().unwrap(), Site::new(&*site))
                .with_parameters(parameters.parse().unwrap())
                .with_due(due);
            recipient.alias = alias.map(|alias| alias.parse().unwrap());
            if held { recipient.with_held() } else { recipient }
        })
    }

    fn origin() -> impl Strategy<Value = Origin> {
        let peer = proptest::option::of(any::<std::net::SocketAddrV4>().prop_map(Into::into));
        let report_of = proptest::option::of(id());
        let texts = (text(), optional_text(), optional_text(), optional_text());
        (texts, peer, report_of).prop_map(|((protocol, account, hello, tls), peer, report_of)| Origin {
            protocol,
            account,
            peer,
            hello,
            tls,
            report_of,
        })
    }

    fn terms() -> impl Strategy<Value = Terms> {
        (moment(), moment(), proptest::option::of(moment()), any::<bool>()).prop_map(
            |(release, expires, notice, by_deadline)| Terms { release, expires, notice, by_deadline },
        )
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let reverse_path = prop_oneof![Just("<>"), Just("joe@example.org"), Just("\"j\\\"oe\"@example.org")];
        let parameters =
            prop_oneof![Just(""), Just("BODY=8BITMIME RET=HDRS ENVID=QQ SMTPUTF8"), Just("BY=9;N X=y")];
        let recipients = proptest::collection::vec(recipient(), 1..5);
        (id(), reverse_path, parameters, any::<u64>(), origin(), terms(), recipients).prop_map(
            |(id, reverse_path, parameters, size, origin, terms, recipients)| Entry {
                id,
                reverse_path: reverse_path.parse().unwrap(),
                parameters: parameters.parse().unwrap(),
                size,
                origin,
                terms,
                recipients,
            },
        )
    }

    fn reply() -> impl Strategy<Value = LastReply> {
        let class = prop_oneof![
            Just(StatusClass::Success),
            Just(StatusClass::Transient),
            Just(StatusClass::Permanent),
        ];
        let status = (class, 0..1_000u16, 0..1_000u16)
            .prop_map(|(class, subject, detail)| EnhancedStatusCode::new(class, subject, detail).unwrap());
        (status, text(), optional_text()).prop_map(|(status, text, host)| LastReply { host, status, text })
    }

    fn progress() -> impl Strategy<Value = Progress> {
        let state = prop_oneof![
            Just(RecipientState::Queued),
            Just(RecipientState::Held),
            Just(RecipientState::Done),
            Just(RecipientState::Failed),
        ];
        let delay_notice = prop_oneof![Just(DelayNotice::Owed), Just(DelayNotice::Sent)];
        let last_reply = proptest::option::of(reply().prop_map(Box::new));
        let last_attempt = proptest::option::of(moment());
        (state, delay_notice, any::<u32>(), moment(), last_attempt, text(), last_reply).prop_map(
            |(state, delay_notice, attempts, due, last_attempt, site, last_reply)| Progress {
                state,
                leased: false,
                stored: true,
                delay_notice,
                attempts,
                due,
                last_attempt,
                site: Site::new(&*site),
                last_reply,
            },
        )
    }

    proptest! {
        #[test]
        fn an_entry_reads_as_it_was_written(
            (entry, content) in entry().prop_flat_map(|entry| (Just(entry.clone()), content(entry.id)))
        ) {
            let row = encode_entry(&entry, content);
            prop_assert_eq!(decode_entry(entry.id, &row), Ok(entry.clone()));
            let view = EntryRow::new(entry.id, &row).unwrap();
            prop_assert_eq!((view.content, view.size), (content, entry.size));
            prop_assert_eq!(view.sender, entry.reverse_path.mailbox().map_or("", |mailbox| mailbox.as_str()));
            for (found, recipient) in view.recipients().zip(&entry.recipients) {
                let found = found.unwrap();
                prop_assert_eq!(found.domain(), recipient.path.mailbox().map_or("", |mailbox| mailbox.domain_text()));
                prop_assert_eq!((found.site, found.due, found.state), (recipient.site.as_str(), recipient.due, recipient.state));
            }
        }

        #[test]
        fn progress_and_events_read_as_they_were_written(
            progress in progress(), at in moment(), id in id(), payload in any::<Vec<u8>>()
        ) {
            prop_assert_eq!(decode_progress(&encode_progress(&progress)), Ok(progress));
            let event = Event { at, id, payload: Bytes::from(payload) };
            prop_assert_eq!(decode_event(&encode_event(&event)), Ok(event));
        }

        #[test]
        fn a_damaged_row_is_an_error_or_another_row(
            entry in entry(), progress in progress(), at in any::<prop::sample::Index>(), octet in any::<u8>()
        ) {
            for mut row in [encode_entry(&entry, ContentId::Row(entry.id)), encode_progress(&progress)] {
                let at = at.index(row.len());
                prop_assert_eq!(decode_entry(entry.id, &row[..at]).ok(), None);
                prop_assert_eq!(decode_progress(&row[..at]).ok(), None);
                row[at] = octet;
                // neither may panic
                let _ = (decode_entry(entry.id, &row), decode_progress(&row));
                let view = EntryRow::new(entry.id, &row);
                let _ = view.map(|view| view.recipients().count());
            }
        }
    }
}
