//! What is owed to whom, and what each had: written by those who send and those who keep, read at the end of the world.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::letter;
use crate::wire::Receipt;

/// The ledger of a world; clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Arc<Mutex<Book>>);

/// What is written in it.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) letters: BTreeMap<String, Posted>,
    pub(crate) keeps: Vec<Keep>,
    /// When machines were down, or ailing.
    pub(crate) outages: Vec<(Instant, Instant)>,
    /// Messages that arrived other than they were sent.
    pub(crate) damaged: Vec<String>,
}

/// A message that somebody tried to hand to a relay.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) from: String,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    /// What the sender heard, for each recipient.
    pub(crate) answers: BTreeMap<String, Answer>,
}

/// What a sender heard about a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    Refused,
    /// The reply never came.
    Unknown,
}

/// A host has taken a message for a recipient, for good.
#[derive(Debug)]
pub(crate) struct Keep {
    pub(crate) token: String,
    pub(crate) recipient: String,
    /// When the end of the content was read: in this order it was handed over.
    pub(crate) read: Instant,
    pub(crate) at: Instant,
    /// When a reply said so, and whether it was read; none if none was written.
    pub(crate) answer: Option<(Instant, Receipt)>,
    /// What it says, if it is a report.
    pub(crate) report: Option<ReportSeen>,
}

/// A report that arrived, or waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReportSeen {
    pub(crate) id: String,
    pub(crate) actions: Vec<(String, String)>,
    /// Whether what it is about is a report.
    pub(crate) is_about_report: bool,
}

impl ReportSeen {
    pub(crate) fn read(content: &[u8]) -> Self {
        let returned = content.windows(b"multipart/report".len());
        Self {
            id: letter::field(content, "Message-ID").unwrap_or_default(),
            actions: letter::actions(content),
            is_about_report: returned.filter(|part| part.eq_ignore_ascii_case(b"multipart/report")).count()
                > 1,
        }
    }
}

impl Keep {
    /// When the sender was told that it was taken, if he heard it.
    pub(crate) fn heard_at(&self) -> Option<Instant> {
        self.answer.as_ref().filter(|(_, receipt)| receipt.is_read()).map(|(at, _)| *at)
    }
}

impl Ledger {
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        // nothing that holds the lock can panic half-way
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn posted(&self, token: String, posted: Posted) {
        self.book().letters.insert(token, posted);
    }

    pub(crate) fn outage(&self, from: Instant) {
        self.book().outages.push((from, Instant::now()));
    }

    /// A host takes `content`; gives the places of what was written.
    pub(crate) fn keep(
        &self,
        reverse_path: &str,
        recipients: &[String],
        content: &[u8],
        read: Instant,
    ) -> Vec<usize> {
        let token = letter::token(content).unwrap_or_default();
        let report = (reverse_path == "<>").then(|| ReportSeen::read(content));
        let mut book = self.book();
        if report.is_none() && !letter::is_intact(content) {
            book.damaged.push(token.clone());
        }
        let at = Instant::now();
        let first = book.keeps.len();
        for recipient in recipients {
            let (token, recipient, report) = (token.clone(), recipient.clone(), report.clone());
            book.keeps.push(Keep { token, recipient, read, at, answer: None, report });
        }
        (first..book.keeps.len()).collect()
    }

    /// The reply to what was kept is written.
    pub(crate) fn answered(&self, keeps: &[usize], receipt: &Receipt) {
        let mut book = self.book();
        for place in keeps {
            if let Some(keep) = book.keeps.get_mut(*place) {
                keep.answer = Some((Instant::now(), receipt.clone()));
            }
        }
    }
}
