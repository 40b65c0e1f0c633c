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
    const ALL: [(Self, &'static str); 6] = [
        (Self::Subject, "Subject"),
        (Self::Date, "Date"),
        (Self::MessageId, "Message-ID"),
        (Self::From, "From"),
        (Self::To, "To"),
        (Self::Cc, "Cc"),
    ];

    /// Whether a name that begins with this letter, in lower case, may be one of them.
    #[inline]
    pub(crate) const fn may_begin(initial: u8) -> bool {
        matches!(initial, b's' | b'd' | b'm' | b'f' | b't' | b'c')
    }

    /// The field of a name, in any case.
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        let candidate = match (name.len(), name.first()?.to_ascii_lowercase()) {
            (7, b's') => Self::Subject,
            (4, b'd') => Self::Date,
            (10, b'm') => Self::MessageId,
            (4, b'f') => Self::From,
            (2, b't') => Self::To,
            (2, b'c') => Self::Cc,
            _ => return None,
        };
        let (_, known) = Self::ALL.into_iter().find(|(field, _)| *field == candidate)?;
        name.eq_ignore_ascii_case(known.as_bytes()).then_some(candidate)
    }
}

/// Offsets of the first field of each kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownFields {
    first: [u32; KnownField::ALL.len()],
    repeated: [bool; KnownField::ALL.len()],
}

impl KnownFields {
    pub(crate) const fn new() -> Self {
        Self { first: [NONE; KnownField::ALL.len()], repeated: [false; KnownField::ALL.len()] }
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
        for (field, name) in KnownField::ALL {
            assert_eq!(KnownField::of(name.as_bytes()), Some(field));
            assert_eq!(KnownField::of(name.to_uppercase().as_bytes()), Some(field));
            assert!(KnownField::may_begin(name.as_bytes()[0].to_ascii_lowercase()), "{name}");
        }
        for name in ["", "Bcc", "Dave", "Subjects", "X-From"] {
            assert_eq!(KnownField::of(name.as_bytes()), None, "{name}");
        }
    }
}
