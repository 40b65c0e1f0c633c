//! The content of a message as a handler reads it: pulled, so that a slow handler slows its own client and nobody
//! else, without a task, a pipe or a channel in between.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use smtpkit_session::server::{Closed, ContentFault, Owed, ServerEvent, owed_for};
use thiserror::Error;

use crate::link::Link;

/// The content of one message; DATA and BDAT look the same. Dot-stuffing is removed, and what [`chunk`](Self::chunk)
/// gives after DATA has no bare CR or LF (RFC 5321 §2.3.8); after BDAT it is what the client sent.
pub struct Body<'a> {
    link: &'a mut Link,
    octets: u64,
    outcome: Option<Result<Owed<owed_for::Message>, BodyError>>,
    /// A command that ended the content instead of its end.
    interruption: Option<ServerEvent>,
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
}

impl<'a> Body<'a> {
    pub(crate) const fn new(link: &'a mut Link) -> Self {
        Self { link, octets: 0, outcome: None, interruption: None }
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
        match &self.outcome {
            Some(Ok(_)) => return Poll::Ready(Ok(None)),
            Some(Err(error)) => return Poll::Ready(Err(*error)),
            None => {}
        }
        let error = match ready!(self.link.poll_event(cx)) {
            ServerEvent::Content(octets) => {
                self.octets += octets.len() as u64;
                return Poll::Ready(Ok(Some(octets)));
            }
            ServerEvent::ContentEnd(owed) => {
                self.outcome = Some(Ok(owed));
                return Poll::Ready(Ok(None));
            }
            ServerEvent::ContentRefused(fault) => BodyError::Refused(fault),
            ServerEvent::Reset => BodyError::Reset,
            event => {
                let error = match &event {
                    ServerEvent::Closed(Closed::ByPeer) => BodyError::Disconnected,
                    ServerEvent::Closed(Closed::TimedOut | Closed::TooSlow) => BodyError::TimedOut,
                    ServerEvent::Closed(Closed::Quit) => BodyError::Reset,
                    ServerEvent::Closed(_) => BodyError::Ended,
                    _ => BodyError::Reset,
                };
                self.interruption = Some(event);
                error
            }
        };
        self.outcome = Some(Err(error));
        Poll::Ready(Err(error))
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

    /// Reads what the handler left and tells how it ended.
    pub(crate) async fn end(mut self) -> Ending {
        let _known_from_outcome = self.discard().await;
        let outcome = self.outcome.take().unwrap_or(Err(BodyError::Ended));
        Ending { octets: self.octets, outcome, interruption: self.interruption }
    }
}
