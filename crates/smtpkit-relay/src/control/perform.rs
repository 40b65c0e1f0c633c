//! From a request to its answers, for a running relay or a queue that was opened for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use smtpkit_queue::{Action, Entry, Filter, Match, Receipt, Spool, SpoolError, Timestamp};

use super::{Answer, EntryView, Request, Selection};
use crate::Relay;

/// Recipients that are asked of the queue at a time.
const PAGE: usize = 500;
/// As much of the content is looked at for its header.
const HEADER_OCTETS_MAX: usize = 64 * 1024;

/// Content is handed out in pieces of this size, a multiple of three as base64 has it.
const PIECE_OCTETS: usize = 48 * 1024;

/// Whose queue it is.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// A running relay, which hears of changes at once.
    Relay(&'a Relay),
    /// A queue that nobody delivers from now.
    Spool(&'a dyn Spool),
}

impl std::fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Relay(_) => "Relay",
            Self::Spool(_) => "Spool",
        })
    }
}

impl Target<'_> {
    fn spool(&self) -> &dyn Spool {
        match self {
            Self::Relay(relay) => &**relay.spool(),
            Self::Spool(spool) => *spool,
        }
    }

    fn manage(&self, action: Action, filter: &Filter, now: Timestamp) -> Result<Receipt, SpoolError> {
        match self {
            Self::Relay(relay) => relay.manage_blocking(action, filter, now),
            Self::Spool(spool) => spool.manage(action, filter, now).wait(),
        }
    }
}

/// Does what the request says. Every answer goes to `each`, which says whether to go on; the last one is
/// [`Answer::Done`] or [`Answer::Error`]. It blocks on the disk, and as long as `each` does.
pub fn perform(target: Target<'_>, request: &Request, now: Timestamp, mut each: impl FnMut(Answer) -> bool) {
    let action = match request {
        Request::List(selection) => return list(target, selection, now, &mut each),
        Request::Show(selection) => return show(target, selection, &mut each),
        Request::Content(selection) => return content(target, selection, &mut each),
        Request::Hold(selection) => (Action::Hold, selection.filter(now)),
        Request::Release(selection) => (Action::Release, selection.filter(now)),
        Request::Retry(selection) => (Action::Retry, selection.filter(now)),
        Request::Remove(selection) => (Action::Remove, selection.filter(now)),
        Request::Flush => (Action::Retry, Ok(Filter::all())),
        Request::Reload => {
            each(Answer::Error("nobody is here who could read it anew".to_owned()));
            return;
        }
    };
    let answer = match action {
        (_, Err(bad)) => Answer::Error(bad.to_string()),
        (action, Ok(filter)) => match target.manage(action, &filter, now) {
            Ok(receipt) => Answer::Done { changed: receipt.changed },
            Err(error) => Answer::Error(error.to_string()),
        },
    };
    each(answer);
}

fn list(target: Target<'_>, selection: &Selection, now: Timestamp, each: &mut impl FnMut(Answer) -> bool) {
    let filter = match selection.filter(now) {
        Ok(filter) => filter,
        Err(bad) => {
            each(Answer::Error(bad.to_string()));
            return;
        }
    };
    let mut left = selection.limit.unwrap_or(usize::MAX);
    let mut after = None;
    let mut listed = 0;
    // an entry that a page cuts in two is one answer all the same
    let mut open: Option<EntryView> = None;
    while left > 0 {
        let page = target.spool().list(&filter, after, PAGE.min(left));
        for found in page.entries {
            left = left.saturating_sub(found.indexes.len());
            listed += found.indexes.len() as u64;
            let mut view = EntryView::of(&found);
            let before = match open.take() {
                Some(mut before) if before.id == view.id => {
                    before.recipients.append(&mut view.recipients);
                    open = Some(before);
                    continue;
                }
                before => before,
            };
            open = Some(view);
            if let Some(before) = before
                && !each(Answer::Entry(Box::new(before)))
            {
                return;
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    if let Some(last) = open
        && !each(Answer::Entry(Box::new(last)))
    {
        return;
    }
    each(Answer::Done { changed: listed });
}

/// The entry that the selection names, or why there is none.
fn named(target: Target<'_>, selection: &Selection) -> Result<Entry, Answer> {
    let id = selection.id.as_deref().unwrap_or_default();
    let name = id.split('/').next().unwrap_or_default();
    let bad = |_| Answer::Error(format!("`{id}` is not a queue id"));
    let entry = target.spool().get(name.parse().map_err(bad)?);
    entry.ok_or_else(|| Answer::Error(format!("{id} is not in the queue")))
}

/// The content in pieces, to its end or until nobody reads.
fn content(target: Target<'_>, selection: &Selection, each: &mut impl FnMut(Answer) -> bool) {
    let entry = match named(target, selection) {
        Ok(entry) => entry,
        Err(answer) => {
            each(answer);
            return;
        }
    };
    let read = || -> Result<bool, String> {
        let reader = target.spool().content(entry.id).map_err(|error| error.to_string())?;
        let mut offset = 0;
        loop {
            let piece = reader.chunk(offset, PIECE_OCTETS).map_err(|error| error.to_string())?;
            if piece.is_empty() {
                return Ok(true);
            }
            offset += piece.len() as u64;
            if !each(Answer::Piece(BASE64.encode(&piece))) {
                return Ok(false);
            }
        }
    };
    let end = { read }();
    match end {
        Ok(true) => each(Answer::Done { changed: 1 }),
        Ok(false) => false,
        Err(error) => each(Answer::Error(error)),
    };
}

fn show(target: Target<'_>, selection: &Selection, each: &mut impl FnMut(Answer) -> bool) {
    let entry = match named(target, selection) {
        Ok(entry) => entry,
        Err(answer) => {
            each(answer);
            return;
        }
    };
    let indexes: Vec<u32> = (0..u32::try_from(entry.recipients.len()).unwrap_or(u32::MAX)).collect();
    let (id, recipients) = (entry.id, indexes.len() as u64);
    each(Answer::Entry(Box::new(EntryView::of(&Match::new(entry, indexes)))));
    let content = target.spool().content(id).map_err(|error| error.to_string());
    let head =
        content.and_then(|content| content.chunk(0, HEADER_OCTETS_MAX).map_err(|error| error.to_string()));
    match head {
        Ok(head) => {
            let end =
                head.windows(4).position(|octets| octets == b"\r\n\r\n").map_or(head.len(), |at| at + 2);
            let header = head.get(..end).unwrap_or_default();
            each(Answer::Header(String::from_utf8_lossy(header).into_owned()));
            each(Answer::Done { changed: recipients });
        }
        Err(error) => {
            each(Answer::Error(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use smtpkit_queue::{Batch, MemorySpool, Recipient, Site, Staged};

    use super::*;

    #[test]
    fn an_entry_that_pages_cut_is_one_answer() {
        let (spool, now) = (MemorySpool::new(1), Timestamp::from_seconds(1_800_000_000));
        let entry = (0..PAGE + 100).fold(
            Entry::new(spool.next_id(now), "joe@example.org".parse().unwrap()),
            |entry, at| {
                let path = format!("u{at}@example.com").parse().unwrap();
                entry.with_recipient(Recipient::new(path, Site::new("mx:example.com")))
            },
        );
        spool.commit(Batch::default().accept(Staged::inline("Subject: hi\r\n\r\n"), [entry])).wait().unwrap();
        let mut answers = Vec::new();
        perform(Target::Spool(&spool), &Request::List(Selection::default()), now, |answer| {
            answers.push(answer);
            true
        });
        let [Answer::Entry(entry), Answer::Done { changed }] = answers.as_slice() else {
            panic!("{answers:?}")
        };
        assert_eq!((entry.recipients.len(), *changed), (PAGE + 100, 600));
    }
}
