//! A header as a list of fields, each read when it is asked for (RFC 5322 §2.2).

use std::borrow::Cow;

use crate::DateTime;
use crate::defect::{Defect, DefectKind, Defects};
use crate::header::field::RawFields;
use crate::header::{AddressList, ContentType, Disposition, Received};
use crate::limits::Limits;

/// The fields of one header, in order.
///
/// Finding a field walks over the header; nothing is kept and no value is looked at.
///
/// ```
/// use smtpkit_mime::Header;
///
/// let header = Header::parse(b"To: a@b.example\r\nSubject: =?utf-8?q?na=C3=AFve?=\r\n\r\n");
/// assert_eq!(header.fields().count(), 2);
/// assert_eq!(header.first("subject").unwrap().text(), "naïve");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    octets: &'a [u8],
    at: u64,
    limits: Limits,
}

impl<'a> Header<'a> {
    /// The header that `octets` begin with, up to an empty line or the first line that is no field.
    pub fn parse(octets: &'a [u8]) -> Self {
        Self::new(octets, 0, Limits::DEFAULT)
    }

    pub(crate) const fn new(octets: &'a [u8], at: u64, limits: Limits) -> Self {
        Self { octets, at, limits }
    }

    /// All fields.
    pub fn fields(&self) -> Fields<'a> {
        Fields { raw: RawFields::new(self.octets, &self.limits), at: self.at, limits: self.limits }
    }

    /// The first field of a name, in any case.
    pub fn first(&self, name: &str) -> Option<Field<'a>> {
        self.fields().find(|field| field.is(name))
    }

    /// All fields of a name, in any case.
    pub fn all<'n>(&self, name: &'n str) -> impl Iterator<Item = Field<'a>> + use<'a, 'n> {
        self.fields().filter(move |field| field.is(name))
    }

    /// The octets as they stand, line ends included.
    pub fn octets(&self) -> &'a [u8] {
        self.octets
    }
}

/// An iterator over the fields of a [`Header`].
///
/// ```
/// let names: Vec<_> = smtpkit_mime::Header::parse(b"A: 1\r\nB: 2\r\n").fields().map(|f| f.name()).collect();
/// assert_eq!(names, ["A", "B"]);
/// ```
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    raw: RawFields<'a>,
    at: u64,
    limits: Limits,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let (octets, colon, start) = self.raw.next()?;
        Some(Field::new(octets, colon, self.at + start as u64, self.limits))
    }
}

/// One field: a name and a value that nobody has read yet (RFC 5322 §2.2).
///
/// ```
/// use smtpkit_mime::Header;
///
/// let header = Header::parse(b"From: Jane <jane@a.example>\r\nDate: Tue, 1 Jul 2003 10:52:37 +0200\r\n");
/// let from = header.first("From").unwrap();
/// assert_eq!((from.name(), from.value()), ("From", &b" Jane <jane@a.example>"[..]));
/// assert_eq!(from.addresses().mailboxes().next().unwrap().name(), Some("Jane"));
/// assert_eq!(header.first("date").unwrap().date().unwrap().day(), 1);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    octets: &'a [u8],
    colon: usize,
    at: u64,
    limits: Limits,
}

impl<'a> Field<'a> {
    pub(crate) const fn new(octets: &'a [u8], colon: usize, at: u64, limits: Limits) -> Self {
        Self { octets, colon, at, limits }
    }

    /// The name as it is written.
    pub fn name(&self) -> &'a str {
        std::str::from_utf8(self.name_octets()).unwrap_or_default()
    }

    fn name_octets(&self) -> &'a [u8] {
        self.octets.get(..self.colon).unwrap_or_default().trim_ascii_end()
    }

    /// Whether the field has this name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name_octets().eq_ignore_ascii_case(name.as_bytes())
    }

    /// The octets between the colon and the last line end, folds included.
    pub fn value(&self) -> &'a [u8] {
        let value = self.octets.get(self.colon + 1..).unwrap_or_default();
        let value = value.strip_suffix(b"\n").unwrap_or(value);
        value.strip_suffix(b"\r").unwrap_or(value)
    }

    /// The whole field as it stands, name and line ends included.
    pub fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// The octet of the message at which the field begins.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The octet of the message at which [`value`](Self::value) begins.
    pub fn value_at(&self) -> u64 {
        self.at + self.colon as u64 + 1
    }

    /// The value as unstructured text: unfolded, encoded words decoded.
    pub fn text(&self) -> Cow<'a, str> {
        super::text(self.value())
    }

    /// What is wrong with the encoded words of the value as text, with offsets in the message.
    ///
    /// ```
    /// use smtpkit_mime::{DefectKind, Header};
    ///
    /// let header = Header::parse(b"Subject: =?utf-8?x?lunch?=\r\n");
    /// let defects = header.first("Subject").unwrap().text_defects();
    /// assert_eq!(defects.iter().map(|d| (d.kind, d.at)).collect::<Vec<_>>(), [(DefectKind::BadEncodedWord, 9)]);
    /// ```
    pub fn text_defects(&self) -> Defects {
        let mut defects = super::text_defects(self.value());
        defects.shift(self.value_at());
        defects
    }

    /// The value as a list of addresses, with offsets of defects counted in the message.
    pub fn addresses(&self) -> AddressList<'a> {
        AddressList::parse(self.value(), &self.limits).at(self.value_at())
    }

    /// The value as a date.
    ///
    /// # Errors
    /// The defect [`BadDate`](DefectKind::BadDate), if it cannot be read for certain.
    pub fn date(&self) -> Result<DateTime, Defect> {
        super::date(self.value()).ok_or(Defect::new(DefectKind::BadDate, self.value_at()))
    }

    /// The value as message identifiers, without angle brackets.
    pub fn ids(&self) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        super::ids(self.value())
    }

    /// The value as trace information.
    pub fn received(&self) -> Received<'a> {
        Received::parse(self.value())
    }

    /// The value as a media type, with offsets of defects counted in the message.
    pub fn content_type(&self) -> ContentType<'a> {
        ContentType::parse(self.value(), &self.limits).at(self.value_at())
    }

    /// The value as a disposition, with offsets of defects counted in the message.
    pub fn disposition(&self) -> Disposition<'a> {
        Disposition::parse(self.value(), &self.limits).at(self.value_at())
    }
}

/// The headers that `octets` consist of, with empty lines between them; they end where no field follows.
pub(crate) fn blocks(octets: &[u8]) -> impl Iterator<Item = Header<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = octets.get(at..).unwrap_or_default();
        at += rest.iter().take_while(|octet| matches!(octet, b'\r' | b'\n')).count();
        let header = Header::new(octets.get(at..)?, at as u64, Limits::DEFAULT);
        let last = header.fields().last()?;
        let block = octets.get(at..last.at as usize + last.octets.len())?;
        let header = Header::new(block, at as u64, Limits::DEFAULT);
        at += block.len();
        Some(header)
    })
}
