//! A message on its way into the spool: the trace field on top, the header looked through, the body in pieces.

use smtpkit_codec::trace::DateTime;
use smtpkit_queue::{ContentWriter, QueueId, Timestamp};
use smtpkit_server::{Peer, Refusal, Role, Transaction};

use super::forwarded_report::READ_OCTETS_MAX;
use super::refusal;
use crate::header_pass::HeaderPass;
use crate::mix::octets;
use crate::relay::Shared;

/// Content is handed to the disk in pieces of about this size.
const PIECE_OCTETS: usize = 256 * 1024;
/// More Received fields of our own than this are a mail loop, however many there may be in all (RFC 5321 §6.3).
const OWN_HOPS_MAX: usize = 10;
/// As much of the header is kept for reports that are made at once.
const HEADER_OCTETS_MAX: usize = 32 * 1024;

/// The message on its way into the spool: trace field, header, body.
pub(super) struct Content {
    /// None only while a write is under way.
    writer: Option<ContentWriter>,
    waiting: Vec<u8>,
    header: HeaderPass,
    /// The header for reports, as far as it is kept.
    copy: Vec<u8>,
    /// What a submission that lacks them gets (RFC 6409 §8).
    fixes: Option<Fixes>,
    /// The first octets as they came, if it may be a report that is told anew.
    report: Option<Vec<u8>>,
    hops_max: usize,
}

/// A message that has come to its end.
pub(super) struct Taken {
    pub(super) writer: ContentWriter,
    pub(super) header: HeaderPass,
    /// The header for reports, as far as it is kept.
    pub(super) copy: Vec<u8>,
    /// The first octets as they came, if they were to be kept.
    pub(super) report: Option<Vec<u8>>,
}

struct Fixes {
    date: String,
    message_id: String,
}

impl Content {
    pub(super) fn begin(
        shared: &Shared,
        peer: &Peer,
        transaction: &Transaction,
        id: QueueId,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let writer = shared.spool.begin().map_err(refusal)?;
        let seconds = i64::try_from(now.get() / 1_000).unwrap_or_default();
        let fixes = match DateTime::new(seconds, 0) {
            Some(date) if peer.role() == Role::Submission => {
                let unique = u128::from_be_bytes(octets(shared.options.seed, id.get()));
                Some(Fixes {
                    date: date.to_string(),
                    message_id: format!("{id}.{unique:032x}@{}", peer.hostname()),
                })
            }
            _ => None,
        };
        Ok(Self {
            writer: Some(writer),
            waiting: transaction.received_as(&id.to_string(), peer, seconds),
            header: HeaderPass::counting(peer.hostname()),
            copy: Vec::new(),
            fixes,
            report: None,
            hops_max: shared.options.limits.hops_max,
        })
    }

    /// Keeps the first octets as they come.
    pub(super) fn keeping_report(mut self) -> Self {
        self.report = Some(Vec::new());
        self
    }

    pub(super) async fn push(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        if let Some(report) = &mut self.report {
            let room = READ_OCTETS_MAX.saturating_sub(report.len());
            report.extend(piece.iter().take(room));
        }
        if self.header.is_complete() {
            self.waiting.extend_from_slice(piece);
        } else {
            let rest = self.header.push(piece, &mut self.waiting);
            if self.header.hops() > self.hops_max || self.header.own_hops() > OWN_HOPS_MAX {
                return Err(Refusal::mail_loop());
            }
            if self.header.is_complete() {
                self.end_header();
            }
            self.waiting.extend_from_slice(rest);
        }
        if self.waiting.len() >= PIECE_OCTETS { self.write().await } else { Ok(()) }
    }

    pub(super) async fn finish(mut self) -> Result<Taken, Refusal> {
        if !self.header.is_complete() {
            self.header.finish(&mut self.waiting);
            self.end_header();
        }
        self.write().await?;
        let writer = self.writer.ok_or_else(Refusal::try_later)?;
        Ok(Taken { writer, header: self.header, copy: self.copy, report: self.report })
    }

    /// Hands what waits to the spool; on a thread that may block as soon as it goes to the disk.
    async fn write(&mut self) -> Result<(), Refusal> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut writer = self.writer.take().ok_or_else(Refusal::try_later)?;
        if waiting.len() < PIECE_OCTETS && writer.is_inline() {
            writer.write(&waiting).map_err(refusal)?;
            self.writer = Some(writer);
            return Ok(());
        }
        let written = tokio::task::spawn_blocking(move || writer.write(&waiting).map(|()| writer)).await;
        let writer =
            written.map_err(|error| Refusal::from(std::io::Error::other(error)))?.map_err(refusal)?;
        self.writer = Some(writer);
        Ok(())
    }

    fn end_header(&mut self) {
        if let Some(fixes) = self.fixes.take() {
            if !self.waiting.ends_with(b"\n") {
                self.waiting.extend_from_slice(b"\r\n");
            }
            if !self.header.has_date() {
                self.waiting.extend_from_slice(format!("Date: {}\r\n", fixes.date).as_bytes());
            }
            if !self.header.has_message_id() {
                self.waiting.extend_from_slice(format!("Message-ID: <{}>\r\n", fixes.message_id).as_bytes());
            }
        }
        self.copy.extend(self.waiting.iter().take(HEADER_OCTETS_MAX));
        if let Some(separator) = self.header.take_separator() {
            self.waiting.extend(separator);
        }
    }
}
