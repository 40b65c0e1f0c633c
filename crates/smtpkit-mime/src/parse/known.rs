//! Where the fields stand that nearly every reader asks for, noted in passing while the header is scanned.
//!
//! Nothing of them is read. Without this, each question would walk over the header again.

use crate::header::Field;
use crate::limits::Limits;

/// Where a field stands in the content, and its colon in the field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldPlace {
    at: u32,
    length: u32,
    colon: u16,
}

impl FieldPlace {
    /// Stands for a field that is not there.
    pub(crate) const NONE: Self = Self { at: u32::MAX, length: 0, colon: 0 };

    /// The view indexes less than 4 GiB, and the name of a field is a line at most.
    pub(crate) const fn new(at: u64, length: usize, colon: usize) -> Self {
        Self { at: at as u32, length: length as u32, colon: colon as u16 }
    }

    pub(crate) const fn is_none(&self) -> bool {
        self.at == u32::MAX
    }

    /// The field, if it is there.
    pub(crate) fn field<'a>(&self, content: &'a [u8], limits: &Limits) -> Option<Field<'a>> {
        if self.is_none() {
            return None;
        }
        let octets = content.get(self.at as usize..)?.get(..self.length as usize)?;
        Some(Field::new(octets, usize::from(self.colon), u64::from(self.at), *limits))
    }
}

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

/// Places of the first field of each kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownFields {
    first: [FieldPlace; KnownField::COUNT],
    repeated: [bool; KnownField::COUNT],
}

impl KnownFields {
    pub(crate) const fn new() -> Self {
        Self { first: [FieldPlace::NONE; KnownField::COUNT], repeated: [false; KnownField::COUNT] }
    }

    /// Notes a field, if it is one of them.
    pub(crate) fn note(&mut self, name: &[u8], place: FieldPlace) {
        let Some(field) = KnownField::of(name) else { return };
        match self.first.get_mut(field as usize) {
            Some(first) if first.is_none() => *first = place,
            _ => {
                if let Some(repeated) = self.repeated.get_mut(field as usize) {
                    *repeated = true;
                }
            }
        }
    }

    /// Where the first field of a kind stands.
    pub(crate) fn first(&self, field: KnownField) -> FieldPlace {
        self.first.get(field as usize).copied().unwrap_or(FieldPlace::NONE)
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
