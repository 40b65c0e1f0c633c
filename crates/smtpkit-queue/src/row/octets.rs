//! The pieces of a row: numbers of variable length, texts, and what may be absent.

/// A row cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadRow {
    /// It ends too early, or goes on too long.
    Length,
    /// Its version is not known.
    Version,
    /// A field holds what its type refuses.
    Field(&'static str),
}

impl BadRow {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Length => "its row has the wrong length",
            Self::Version => "its row has an unknown version",
            Self::Field(what) => what,
        }
    }
}

/// Puts pieces together.
#[derive(Default)]
pub(crate) struct RowWriter(Vec<u8>);

impl RowWriter {
    pub(crate) fn new(version: u8, octets: usize) -> Self {
        let mut row = Vec::with_capacity(octets);
        row.push(version);
        Self(row)
    }

    pub(crate) fn octet(&mut self, octet: u8) {
        self.0.push(octet);
    }

    /// Seven bits to an octet, the lowest first; the top bit says that more follow.
    pub(crate) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }

    pub(crate) fn optional_number(&mut self, number: Option<u64>) {
        match number {
            None => self.octet(0),
            Some(number) => {
                self.octet(1);
                self.number(number);
            }
        }
    }

    pub(crate) fn octets(&mut self, octets: &[u8]) {
        self.number(octets.len() as u64);
        self.0.extend_from_slice(octets);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.octets(text.as_bytes());
    }

    pub(crate) fn optional_text(&mut self, text: Option<&str>) {
        match text {
            None => self.octet(0),
            Some(text) => {
                self.octet(1);
                self.text(text);
            }
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes pieces apart.
#[derive(Clone, Copy)]
pub(crate) struct RowReader<'a>(&'a [u8]);

impl<'a> RowReader<'a> {
    /// A reader behind the version, which must be this one.
    pub(crate) fn new(version: u8, row: &'a [u8]) -> Result<Self, BadRow> {
        let mut reader = Self(row);
        if reader.octet()? == version { Ok(reader) } else { Err(BadRow::Version) }
    }

    #[inline]
    pub(crate) fn octet(&mut self) -> Result<u8, BadRow> {
        let (first, rest) = self.0.split_first().ok_or(BadRow::Length)?;
        self.0 = rest;
        Ok(*first)
    }

    #[inline]
    pub(crate) fn number(&mut self) -> Result<u64, BadRow> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let octet = self.octet()?;
            number |= u64::from(octet & 0x7F) << shift;
            if octet & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(BadRow::Field("a number in its row is too long"))
    }

    pub(crate) fn small_number(&mut self) -> Result<u32, BadRow> {
        u32::try_from(self.number()?).map_err(|_| BadRow::Field("a number in its row is too large"))
    }

    pub(crate) fn optional_number(&mut self) -> Result<Option<u64>, BadRow> {
        if self.present()? { self.number().map(Some) } else { Ok(None) }
    }

    #[inline]
    pub(crate) fn octets(&mut self) -> Result<&'a [u8], BadRow> {
        let octets = usize::try_from(self.number()?).map_err(|_| BadRow::Length)?;
        let (piece, rest) = self.0.split_at_checked(octets).ok_or(BadRow::Length)?;
        self.0 = rest;
        Ok(piece)
    }

    #[inline]
    pub(crate) fn text(&mut self) -> Result<&'a str, BadRow> {
        std::str::from_utf8(self.octets()?).map_err(|_| BadRow::Field("a text in its row is not UTF-8"))
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<&'a str>, BadRow> {
        if self.present()? { self.text().map(Some) } else { Ok(None) }
    }

    /// Passes over a text that nobody wants to see.
    #[inline]
    pub(crate) fn skip_text(&mut self) -> Result<(), BadRow> {
        self.octets().map(drop)
    }

    pub(crate) fn skip_optional_text(&mut self) -> Result<(), BadRow> {
        if self.present()? { self.skip_text() } else { Ok(()) }
    }

    pub(crate) fn end(self) -> Result<(), BadRow> {
        if self.0.is_empty() { Ok(()) } else { Err(BadRow::Length) }
    }

    fn present(&mut self) -> Result<bool, BadRow> {
        match self.octet()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(BadRow::Field("a field in its row is neither present nor absent")),
        }
    }
}
