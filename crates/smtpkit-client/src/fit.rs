//! Content that fits the server: octets over 127 go only to a server that takes them (RFC 6152 §3).
//!
//! For any other server content is encoded as a whole. A stream is read ahead for that, up to [`AHEAD_OCTETS_MAX`]; a
//! longer one goes out as it is, and its first octet over 127 ends the connection before the message is complete.
//! Octets are never sent in the hope that they pass, and nothing that somebody signed is changed.

use crate::content::{Feed, Newlines, Piece, Prepared};
use crate::error::{ErrorKind, SendError, Stage};
use smtpkit_codec::{Body, EhloReply, Keyword, is_ascii};
use smtpkit_mime::HopCapabilities;
use smtpkit_mime::downgrade::Downgrade;

/// So many octets of a stream are held in memory to be encoded as a whole.
const AHEAD_OCTETS_MAX: usize = 1024 * 1024;

fn takes_eight_bit(ehlo: Option<&EhloReply>) -> bool {
    ehlo.is_some_and(|ehlo| ehlo.as_ref().has(Keyword::EightBitMime))
}

fn refused(stage: Stage, why: impl std::fmt::Display) -> SendError {
    let what = format!("the server takes no 8-bit content, and it cannot be encoded: {why}");
    SendError::new(ErrorKind::Unsupported, stage, what)
}

impl Prepared {
    /// Whether the next piece of a stream has to be known before a transaction with this server begins.
    pub(crate) fn wants_look(&self, ehlo: Option<&EhloReply>) -> bool {
        let could_be_held = self.size.is_none_or(|size| size <= AHEAD_OCTETS_MAX as u64);
        !matches!(self.feed, Feed::Octets(_))
            && self.body != Some(Body::SevenBit)
            && could_be_held
            && self.ahead.len() <= AHEAD_OCTETS_MAX
            && !takes_eight_bit(ehlo)
    }

    /// Keeps a piece of a stream; after the last one the content is at hand.
    pub(crate) fn look(&mut self, piece: &Piece) -> Result<(), SendError> {
        self.ahead.extend_from_slice(&piece.octets);
        if piece.is_last {
            let ahead = std::mem::take(&mut self.ahead);
            *self = Self { is_signed: self.is_signed, ..Self::octets(ahead.into(), Newlines::Exact)? };
        }
        Ok(())
    }

    /// What was read ahead of a stream that is too long to be held.
    pub(crate) fn take_ahead(&mut self) -> Option<Piece> {
        let octets = std::mem::take(&mut self.ahead);
        (!octets.is_empty()).then(|| Piece { octets: octets.into(), is_last: false })
    }

    /// Makes content fit the server of a transaction that is about to begin, and says what it is.
    pub(crate) fn fit(&mut self, ehlo: Option<&EhloReply>) -> Result<Option<Body>, SendError> {
        self.seven_bit_alone = !takes_eight_bit(ehlo);
        if !self.seven_bit_alone {
            // What a stream has is not known: octets over 127 must have been announced.
            return Ok(self.body.or(Some(Body::EightBitMime)));
        }
        match (&self.feed, self.body) {
            (Feed::Octets(clean), Some(Body::EightBitMime)) => {
                let fitted = Downgrade::new(HopCapabilities::SEVEN_BIT).apply(clean.as_bytes());
                let fitted = fitted.map_err(|error| refused(Stage::Mail, error))?;
                let fitted = Self::octets(fitted.into_content().into_owned().into(), Newlines::Exact)?;
                *self = Self { is_signed: self.is_signed, seven_bit_alone: true, ..fitted };
            }
            (_, Some(Body::EightBitMime)) => {
                return Err(refused(Stage::Mail, "it is too long to be held in memory"));
            }
            _ if !is_ascii(&self.ahead) => {
                return Err(refused(
                    Stage::Mail,
                    "it comes from a reader, and is too long to be held in memory",
                ));
            }
            _ => {}
        }
        Ok(self.body)
    }

    /// Lets a piece of a stream pass to the server that the content was made to fit.
    pub(crate) fn admit(&self, piece: &Piece) -> Result<(), SendError> {
        if self.seven_bit_alone && !is_ascii(&piece.octets) {
            let why = "it comes from a reader, and is too long to be held in memory";
            return Err(refused(Stage::Content, why));
        }
        Ok(())
    }
}
