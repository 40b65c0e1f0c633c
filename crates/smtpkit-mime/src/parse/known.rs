//! Where the fields stand that nearly every reader asks for, noted in passing while the header is scanned.
//!
//! Nothing of them is read. Without this, each question would walk over the header again.

/// Stands for a field that is not there.
const NONE: u32 = u32::MAX;

/// A field of the message that is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KnownField {
    Subject,
    Date,
    MessageId,
    From,
    To,
    Cc,
}

impl KnownField {
    /// How many there are.
    const COUNT: usize = 6;

    /// Whether a name that begins with this letter, in lower case, may be one of them.
    #[inline]
    pub(crate) const fn may_begin(initial: u8) -> bool {
        matches!(initial, b's' | b'd' | b'm' | b'f' | b't' | b'c')
    }

    /// The field of a name, in any case.
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        let (field, known): (_, &[u8]) = match (name.len(), name.first()?.to_ascii_lowercase()) {
            (7, b's') => (Self::Subject, b"subject"),
            (4, b'd') => (Self::Date, b"date"),
            (10, b'm') => (Self::MessageId, b"message-id"),
            (4, b'f') => (Self::From, b"from"),
            (2, b't') => (Self::To, b"to"),
            (2, b'c') => (Self::Cc, b"cc"),
            _ => return None,
        };
        name.eq_ignore_ascii_case(known).then_some(field)
    }
}

/// Offsets of the first field of each kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownFields {
    first: [u32; KnownField::COUNT],
    repeated: [bool; KnownField::COUNT],
}

impl KnownFields {
    pub(crate) const fn new() -> Self {
        Self { first: [NONE; KnownField::COUNT], repeated: [false; KnownField::COUNT] }
    }

    /// Notes a field, if it is one of them.
    pub(crate) fn note(&mut self, name: &[u8], at: u32) {
        let Some(field) = KnownField::of(name) else { return };
        match self.first.get_mut(field as usize) {
            Some(first) if *first == NONE => *first = at,
            _ => {
                if let Some(repeated) = self.repeated.get_mut(field as usize) {
                    *repeated = true;
                }
            }
        }
    }

    /// Where the first field of a kind stands.
    pub(crate) fn first(&self, field: KnownField) -> Option<u32> {
        self.first.get(field as usize).copied().filter(|at| *at != NONE)
    }

    /// Whether there is more than one of a kind.
    pub(crate) fn is_repeated(&self, field: KnownField) -> bool {
        self.repeated.get(field as usize).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_found_in_any_case() {
        for (field, name) in [
            (KnownField::Subject, "Subject"),
            (KnownField::Date, "Date"),
            (KnownField::MessageId, "Message-ID"),
            (KnownField::From, "From"),
            (KnownField::To, "To"),
            (KnownField::Cc, "Cc"),
        ] {
            assert_eq!(KnownField::of(name.as_bytes()), Some(field));
            assert_eq!(KnownField::of(name.to_uppercase().as_bytes()), Some(field));
            assert!(KnownField::may_begin(name.as_bytes()[0].to_ascii_lowercase()), "{name}");
        }
        for name in ["", "Bcc", "Dave", "Subjects", "X-From"] {
            assert_eq!(KnownField::of(name.as_bytes()), None, "{name}");
        }
    }
}
