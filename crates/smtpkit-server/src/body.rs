//! The content of a message as a handler reads it: pulled, so that a slow handler slows its own client and nobody
//! else, without a task, a pipe or a channel in between.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use smtpkit_session::server::{Closed, ContentFault, Owed, ServerEvent, owed_for};
use thiserror::Error;

use crate::header::HeaderScan;
use crate::link::Link;

/// The content of one message; DATA and BDAT look the same. Dot-stuffing is removed, and what [`chunk`](Self::chunk)
/// gives after DATA has no bare CR or LF (RFC 5321 §2.3.8); after BDAT it is what the client sent.
pub struct Body<'a> {
    link: &'a mut Link,
    octets: u64,
    outcome: Option<Result<Owed<owed_for::Message>, BodyError>>,
    /// A command that ended the content instead of its end.
    interruption: Option<ServerEvent>,
    header: HeaderScan,
    rules: HeaderRules,
    /// Pieces that are ready to be given out.
    ready: VecDeque<Bytes>,
    /// A CR that may be the first half of the empty line behind the header section.
    held: Option<Bytes>,
    is_looping: bool,
}

/// What is demanded of the header section.
#[derive(Debug, Default)]
pub(crate) struct HeaderRules {
    /// More Received fields than these are a mail loop (RFC 5321 §6.3).
    pub(crate) hops_max: u32,
    /// The fields that a submission lacks are added, with this name in the Message-ID (RFC 6409 §8).
    pub(crate) complete: Option<Completion>,
}

/// What the added fields are made of.
#[derive(Debug)]
pub(crate) struct Completion {
    pub(crate) id: String,
    pub(crate) hostname: Arc<str>,
    pub(crate) unix_seconds: i64,
}

/// Why content does not come to its end. The reply, if one is due, is the server's business: clean up and return it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The content is refused for what it is.
    #[error("{0}")]
    Refused(ContentFault),
    /// The client closed the connection.
    #[error("the client closed the connection")]
    Disconnected,
    /// The client was too slow.
    #[error("the client was too slow")]
    TimedOut,
    /// The client dropped the transaction between two chunks.
    #[error("the client dropped the transaction")]
    Reset,
    /// The server ended the session: it stops, or the client passed a limit.
    #[error("the session was ended")]
    Ended,
    /// The content has made too many hops (RFC 5321 §6.3).
    #[error("the content has made too many hops")]
    MailLoop,
    /// The content is longer than the caller of [`Body::read_to_end`] wants.
    #[error("the content is longer than {octets_max} octets")]
    TooLong {
        /// What was wanted at most.
        octets_max: usize,
    },
}

/// How reading ended, once the handler is done.
pub(crate) struct Ending {
    pub(crate) octets: u64,
    pub(crate) outcome: Result<Owed<owed_for::Message>, BodyError>,
    pub(crate) interruption: Option<ServerEvent>,
    /// Whether the content has made too many hops.
    pub(crate) is_looping: bool,
}

impl<'a> Body<'a> {
    pub(crate) fn new(link: &'a mut Link, rules: HeaderRules) -> Self {
        Self {
            link,
            octets: 0,
            outcome: None,
            interruption: None,
            header: HeaderScan::default(),
            rules,
            ready: VecDeque::new(),
            held: None,
            is_looping: false,
        }
    }

    /// The next piece; `None` when the content is complete.
    ///
    /// A piece shares the receive buffer (at most 64 KiB) with others: copy what is to be kept for long.
    ///
    /// # Errors
    /// [`BodyError`] if the content does not come to its end; the same error again on each further call.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        loop {
            if let Some(octets) = self.ready.pop_front() {
                self.octets += octets.len() as u64;
                return Poll::Ready(Ok(Some(octets)));
            }
            match &self.outcome {
                Some(Ok(_)) if self.is_looping => return Poll::Ready(Err(BodyError::MailLoop)),
                Some(Ok(_)) => return Poll::Ready(Ok(None)),
                Some(Err(error)) => return Poll::Ready(Err(*error)),
                None => {}
            }
            match ready!(self.link.poll_event(cx)) {
                ServerEvent::Content(octets) => self.take(octets),
                ServerEvent::ContentEnd(owed) => {
                    self.ready.extend(self.held.take());
                    self.outcome = Some(Ok(owed));
                }
                event => self.break_off(event),
            }
        }
    }

    /// Takes a piece of content; it is given out when the header section permits.
    fn take(&mut self, mut octets: Bytes) {
        if self.header.is_over() && !self.is_looping {
            return self.ready.push_back(octets);
        }
        let empty_line = self.header.scan(&octets);
        self.is_looping |= self.header.hops() > self.rules.hops_max;
        if self.is_looping {
            // Read on to be able to refuse in order, but nobody needs the content any more.
            self.ready.clear();
            return;
        }
        let before_held = self.held.is_some() && self.header.is_over() && empty_line.is_none();
        if before_held {
            self.ready.extend(self.missing_fields());
        }
        if let Some(held) = self.held.take() {
            self.ready.push_back(held);
        }
        if let Some(at) = empty_line.filter(|_| self.rules.complete.is_some()) {
            self.ready.extend(Some(octets.split_to(at)).filter(|octets| !octets.is_empty()));
            self.ready.extend(self.missing_fields());
        } else if self.header.is_at_lone_cr() && self.rules.complete.is_some() {
            self.held = Some(octets.split_off(octets.len() - 1));
        }
        if !octets.is_empty() {
            self.ready.push_back(octets);
        }
    }

    /// The fields that are to be added before the empty line.
    fn missing_fields(&self) -> Option<Bytes> {
        let Completion { id, hostname, unix_seconds } = self.rules.complete.as_ref()?;
        let fields = self.header.missing_fields(id, hostname, *unix_seconds);
        Some(Bytes::from(fields)).filter(|fields| !fields.is_empty())
    }

    /// The content does not come to its end.
    fn break_off(&mut self, event: ServerEvent) {
        self.outcome = Some(Err(match &event {
            ServerEvent::ContentRefused(fault) => BodyError::Refused(*fault),
            ServerEvent::Closed(Closed::ByPeer) => BodyError::Disconnected,
            ServerEvent::Closed(Closed::TimedOut | Closed::TooSlow) => BodyError::TimedOut,
            ServerEvent::Closed(Closed::Quit) | ServerEvent::Reset => BodyError::Reset,
            ServerEvent::Closed(_) => BodyError::Ended,
            _ => BodyError::Reset,
        }));
        if !matches!(event, ServerEvent::ContentRefused(_) | ServerEvent::Reset) {
            self.interruption = Some(event);
        }
    }

    /// All the content, which must fit into `octets_max`.
    ///
    /// # Errors
    /// [`BodyError::TooLong`] if it does not fit; otherwise as [`chunk`](Self::chunk).
    pub async fn read_to_end(&mut self, octets_max: usize) -> Result<Bytes, BodyError> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await? else {
            return if first.len() <= octets_max {
                Ok(first)
            } else {
                Err(BodyError::TooLong { octets_max })
            };
        };
        let mut content = BytesMut::from(first);
        content.extend_from_slice(&second);
        while content.len() <= octets_max {
            match self.chunk().await? {
                Some(octets) => content.extend_from_slice(&octets),
                None => return Ok(content.freeze()),
            }
        }
        Err(BodyError::TooLong { octets_max })
    }

    /// Reads the content to its end and drops it; gives its length.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    pub async fn discard(&mut self) -> Result<u64, BodyError> {
        while self.chunk().await?.is_some() {}
        Ok(self.octets)
    }

    /// How many octets were given out so far.
    pub const fn octets(&self) -> u64 {
        self.octets
    }

    /// Nothing more is read: the session is over without a word.
    pub(crate) const fn hang_up(&mut self) {
        self.link.hang_up();
    }

    /// Reads what the handler left and tells how it ended.
    pub(crate) async fn end(mut self) -> Ending {
        let _known_from_outcome = self.discard().await;
        let outcome = self.outcome.take().unwrap_or(Err(BodyError::Ended));
        Ending { octets: self.octets, outcome, interruption: self.interruption, is_looping: self.is_looping }
    }
}
