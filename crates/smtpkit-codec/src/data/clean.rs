//! Content that is fit for the wire, as a type.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::ops::Range;

use memchr::memchr3;
use thiserror::Error;

use super::scan::{Mark, first_mark};

/// Content without bare CR, bare LF and NUL (RFC 5321 §2.3.8, §4.1.1.4), checked once.
///
/// ```
/// use smtpkit_codec::{BareOctet, Clean, Unclean};
///
/// let content = Clean::check("Subject: hi\r\n\r\nHello\r\n")?;
/// assert_eq!(content.as_bytes().len(), 22);
///
/// let unclean = Clean::check("Hello\n.\n").map(Clean::into_inner);
/// assert_eq!(unclean, Err(Unclean { what: BareOctet::Lf, at: 5 }));
/// # Ok::<(), Unclean>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Clean<B>(B);

impl<B: AsRef<[u8]>> Clean<B> {
    /// Takes `content` as it is, if it is clean.
    ///
    /// # Errors
    /// The first octet that must not go onto the wire. [`normalise`] mends bare CR and LF.
    pub fn check(content: B) -> Result<Self, Unclean> {
        let octets = content.as_ref();
        if let Some((what, at)) = first_bare(octets) {
            return Err(Unclean { what, at: at as u64 });
        }
        match octets.last() {
            Some(b'\r') => Err(Unclean { what: BareOctet::Cr, at: octets.len() as u64 - 1 }),
            _ => Ok(Self(content)),
        }
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_ref()
    }

    /// A view that borrows the octets.
    #[must_use]
    pub fn as_slice(&self) -> Clean<&[u8]> {
        Clean(self.as_bytes())
    }

    /// What was checked.
    #[must_use]
    pub fn into_inner(self) -> B {
        self.0
    }
}

impl<'c> Clean<&'c [u8]> {
    /// A part of the content that is clean by itself; `None` if it would begin or end between a CR and its LF, or lies
    /// outside.
    ///
    /// ```
    /// use smtpkit_codec::Clean;
    ///
    /// let content = Clean::check(&b"one\r\ntwo\r\n"[..])?;
    /// assert_eq!(content.part(0..5).map(Clean::into_inner), Some(&b"one\r\n"[..]));
    /// assert_eq!(content.part(0..4), None);
    /// assert_eq!(content.part(4..6), None);
    /// # Ok::<(), smtpkit_codec::Unclean>(())
    /// ```
    #[must_use]
    pub fn part(self, range: Range<usize>) -> Option<Clean<&'c [u8]>> {
        match self.0.get(range)? {
            [b'\n', ..] | [.., b'\r'] => None,
            part => Some(Self(part)),
        }
    }
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Clean<B> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// The first octet of `octets` that content must not hold, and where. A CR at the very end is not reported, because LF
/// may follow; what came before is known to be no CR.
pub(crate) fn first_bare(octets: &[u8]) -> Option<(BareOctet, usize)> {
    let mut from = 0;
    loop {
        match Unclean::of(first_mark(octets.get(from..)?)?, from as u64) {
            // An offset in a slice, so it is a `usize`.
            Ok(Unclean { what, at }) => return Some((what, at as usize)),
            // The octet before a dot is the LF of a CRLF, so nothing is missed between.
            Err(dot) => from += dot,
        }
    }
}

/// Content whose newlines all are CRLF: CRLF stays, and a bare CR or bare LF becomes one.
/// Borrows what needs no change.
///
/// ```
/// use smtpkit_codec::normalise;
///
/// assert_eq!(normalise(b"one\ntwo\rthree\r\n")?.as_bytes(), b"one\r\ntwo\r\nthree\r\n");
/// # Ok::<(), smtpkit_codec::Unclean>(())
/// ```
///
/// # Errors
/// [`BareOctet::Nul`]: nothing can be made of a NUL.
pub fn normalise(content: &[u8]) -> Result<Clean<Cow<'_, [u8]>>, Unclean> {
    match Clean::check(content) {
        Ok(_) => return Ok(Clean(Cow::Borrowed(content))),
        Err(unclean) if unclean.what == BareOctet::Nul => return Err(unclean),
        Err(_) => {}
    }
    let mut clean = Vec::with_capacity(content.len() + content.len() / 32 + 2);
    let mut rest = content;
    while let Some((line, end)) = memchr3(b'\r', b'\n', 0, rest).and_then(|at| rest.split_at_checked(at)) {
        clean.extend_from_slice(line);
        rest = match end {
            [b'\r', b'\n', after @ ..] | [b'\r' | b'\n', after @ ..] => after,
            _ => {
                let at = (content.len() - end.len()) as u64;
                return Err(Unclean { what: BareOctet::Nul, at });
            }
        };
        clean.extend_from_slice(b"\r\n");
    }
    clean.extend_from_slice(rest);
    Ok(Clean(Cow::Owned(clean)))
}

/// An octet that content must not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5321 §2.3.8 and §4.1.1.4 close the set")]
pub enum BareOctet {
    /// A CR without LF after it.
    #[error("bare CR")]
    Cr,
    /// A LF without CR before it.
    #[error("bare LF")]
    Lf,
    /// A NUL.
    #[error("NUL")]
    Nul,
}

/// Where content is not fit for the wire. The fault is of whoever made the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("{what} at octet {at} of the content")]
#[expect(clippy::exhaustive_structs, reason = "what and where is all there is to say")]
pub struct Unclean {
    /// The octet.
    pub what: BareOctet,
    /// Its offset from the start of the content.
    pub at: u64,
}

impl Unclean {
    /// The fault that `mark` is, `base` octets into the content, or the place of a dot.
    pub(super) fn of(mark: Mark, base: u64) -> Result<Self, usize> {
        let (what, at) = match mark {
            Mark::BareCr(at) => (BareOctet::Cr, at),
            Mark::BareLf(at) => (BareOctet::Lf, at),
            Mark::Nul(at) => (BareOctet::Nul, at),
            Mark::Dot(at) => return Err(at),
        };
        Ok(Self { what, at: base + at as u64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &[u8], fault: Option<(BareOctet, u64)>, normal: Option<&[u8]>) {
        let fault = fault.map(|(what, at)| Unclean { what, at });
        assert_eq!(Clean::check(content).err(), fault, "{}", content.escape_ascii());
        let normalised = normalise(content).ok();
        assert_eq!(normalised.as_ref().map(Clean::as_bytes), normal, "{}", content.escape_ascii());
        let borrowed = normalised.map(|clean| matches!(clean.into_inner(), Cow::Borrowed(_)));
        assert_eq!(borrowed == Some(true), fault.is_none(), "{}", content.escape_ascii());
    }

    #[test]
    fn newlines_become_crlf_and_nul_nothing() {
        use BareOctet::{Cr, Lf, Nul};
        check(b"", None, Some(b""));
        check(b".\r\n.\r\n\r\n..a", None, Some(b".\r\n.\r\n\r\n..a"));
        check(b"a\nb", Some((Lf, 1)), Some(b"a\r\nb"));
        check(b"a\rb", Some((Cr, 1)), Some(b"a\r\nb"));
        check(b"a\r", Some((Cr, 1)), Some(b"a\r\n"));
        check(b"\n\n\r\r\n\r", Some((Lf, 0)), Some(b"\r\n\r\n\r\n\r\n\r\n"));
        check(b"a\r\n.\n", Some((Lf, 4)), Some(b"a\r\n.\r\n"));
        check(b"\0", Some((Nul, 0)), None);
        check(b"a\nb\0", Some((Lf, 1)), None);
    }

    #[test]
    fn the_place_of_a_nul_after_a_newline_is_right() {
        assert_eq!(normalise(b"a\nb\0").map(|_| ()), Err(Unclean { what: BareOctet::Nul, at: 3 }));
    }
}
