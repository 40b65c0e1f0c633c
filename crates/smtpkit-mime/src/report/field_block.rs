//! Blocks of fields between empty lines: what all reports are written in and read from (RFC 3464 §2.1).

use core::fmt;

use super::unitext::Form;
use super::{ReportText, TypedValue};
use crate::DateTime;
use crate::build::FieldName;
use crate::build::field_writer::FieldWriter;
use crate::header;
use crate::header::field::{Cursor, Scan, folded_end, scan};

/// Blocks that one report may have; RFC 5321 §4.5.3.1.8 makes servers take 100 recipients, relays take more.
const BLOCKS_MAX: usize = 10_000;
/// Fields of one block.
const FIELDS_MAX: usize = 1_000;
/// Defects that are kept.
const DEFECTS_MAX: usize = 100;

/// A report that was read, and what was wrong with it.
///
/// ```
/// use smtpkit_mime::report::DeliveryStatus;
///
/// let parsed = DeliveryStatus::parse(b"Reporting-MTA: dns; mx.example.org\r\n\r\nAction: failed\r\n");
/// assert_eq!(parsed.report.reporting_mta.unwrap().value(), "mx.example.org");
/// assert_eq!(parsed.defects[0].to_string(), "Final-Recipient is missing in the block at offset 38");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed<R> {
    /// What could be read.
    pub report: R,
    /// What could not, at most a hundred of it, in order.
    pub defects: Vec<ReportDefect>,
}

/// Something in a report that could not be used, with its offset in the part.
///
/// ```
/// use smtpkit_mime::report::{DeliveryStatus, ReportDefectKind};
///
/// let parsed = DeliveryStatus::parse(b"Reporting-MTA: dns; a\r\nArrival-Date: once\r\n");
/// assert_eq!(parsed.defects[0].kind, ReportDefectKind::BadValue("Arrival-Date"));
/// assert_eq!(parsed.defects[0].at, 23);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportDefect {
    /// Octets from the start of the part to the field or block.
    pub at: u64,
    /// What it is.
    pub kind: ReportDefectKind,
}

impl fmt::Display for ReportDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at;
        match self.kind {
            ReportDefectKind::Missing(name) => write!(f, "{name} is missing in the block at offset {at}"),
            ReportDefectKind::BadValue(name) => write!(f, "{name} at offset {at} cannot be read"),
            ReportDefectKind::Twice(name) => write!(f, "{name} at offset {at} is there already"),
            ReportDefectKind::NoField => write!(f, "the line at offset {at} is no field"),
            ReportDefectKind::TooMany => write!(f, "what follows offset {at} is beyond the limits"),
        }
    }
}

/// The kinds of [`ReportDefect`].
///
/// ```
/// use smtpkit_mime::report::{FeedbackReport, ReportDefectKind};
///
/// let parsed = FeedbackReport::parse(b"User-Agent: x\r\nVersion: 1\r\n");
/// assert_eq!(parsed.defects[0].kind, ReportDefectKind::Missing("Feedback-Type"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportDefectKind {
    /// A field that must be there is not; a recipient without it is left out.
    Missing(&'static str),
    /// A field whose value does not follow its grammar; it is kept among the extension fields.
    BadValue(&'static str),
    /// A field that may stand once; the first one counts, this one is kept among the extension fields.
    Twice(&'static str),
    /// A line that is no field.
    NoField,
    /// More blocks, fields or defects than are read.
    TooMany,
}

/// Writes blocks of fields.
#[derive(Debug)]
pub(super) struct BlockWriter {
    out: Vec<u8>,
    form: Form,
}

impl BlockWriter {
    pub(super) const fn new(form: Form) -> Self {
        Self { out: Vec::new(), form }
    }

    pub(super) fn raw(&mut self, name: &str, value: &str) {
        let mut writer = FieldWriter::begin(&mut self.out, name);
        writer.raw(value);
        writer.end();
    }

    pub(super) fn text(&mut self, name: &str, value: Option<&ReportText>) {
        if let Some(value) = value {
            self.raw(name, value.as_str());
        }
    }

    pub(super) fn typed(&mut self, name: &str, value: Option<&TypedValue>) {
        if let Some(value) = value {
            self.raw(name, &value.written(self.form));
        }
    }

    pub(super) fn date(&mut self, name: &str, date: Option<DateTime>) {
        if let Some(date) = date {
            self.raw(name, &date.to_string());
        }
    }

    pub(super) fn extensions(&mut self, extensions: &[(FieldName, ReportText)]) {
        for (name, value) in extensions {
            self.raw(name.as_str(), value.as_str());
        }
    }

    pub(super) fn end_block(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }

    pub(super) fn finish(self) -> String {
        String::from_utf8(self.out).expect("invariant: all values are text, and folds part them at spaces")
    }
}

/// One field that was read: where it is, its name, its value unfolded.
#[derive(Debug)]
pub(super) struct ReadField<'r> {
    pub(super) at: u64,
    pub(super) name: &'r str,
    pub(super) value: String,
}

/// The fields of one block.
#[derive(Debug, Default)]
pub(super) struct Block<'r> {
    pub(super) at: u64,
    pub(super) fields: Vec<ReadField<'r>>,
}

/// Splits the octets of a part into blocks, of which each has a field at least.
pub(super) fn blocks<'r>(octets: &'r [u8], defects: &mut Vec<ReportDefect>) -> Vec<Block<'r>> {
    let mut blocks: Vec<Block<'r>> = Vec::new();
    let mut is_open = false;
    let mut at = 0;
    while let Some(rest @ [_, ..]) = octets.get(at..) {
        let here = at as u64;
        let (colon, length) = match scan(rest, &mut Cursor::default(), true) {
            Scan::Field { colon, length } => (colon, length),
            Scan::Separator { length } => {
                is_open = false;
                at += length;
                continue;
            }
            Scan::NotAField | Scan::Incomplete => {
                push(defects, here, ReportDefectKind::NoField);
                at += folded_end(rest, 0, true).unwrap_or(rest.len()).max(1);
                continue;
            }
        };
        at += length;
        if !is_open {
            if blocks.len() == BLOCKS_MAX {
                push(defects, here, ReportDefectKind::TooMany);
                break;
            }
            blocks.push(Block { at: here, fields: Vec::new() });
            is_open = true;
        }
        let name = rest.get(..colon).unwrap_or_default().trim_ascii_end();
        let (Some(block), Ok(name)) = (blocks.last_mut(), core::str::from_utf8(name)) else { continue };
        if block.fields.len() == FIELDS_MAX {
            push(defects, here, ReportDefectKind::TooMany);
            continue;
        }
        let value = unfolded(rest.get(colon + 1..length).unwrap_or_default());
        block.fields.push(ReadField { at: here, name, value });
    }
    blocks
}

fn unfolded(value: &[u8]) -> String {
    String::from_utf8_lossy(value).replace(['\r', '\n'], "").trim_ascii().to_owned()
}

pub(super) fn push(defects: &mut Vec<ReportDefect>, at: u64, kind: ReportDefectKind) {
    if defects.len() < DEFECTS_MAX {
        defects.push(ReportDefect { at, kind });
    }
}

/// Takes fields out of a block by name; what is never taken is an extension.
#[derive(Debug)]
pub(super) struct BlockReader<'r, 'd> {
    block: Block<'r>,
    defects: &'d mut Vec<ReportDefect>,
    rejected: Vec<ReadField<'r>>,
}

impl<'r, 'd> BlockReader<'r, 'd> {
    pub(super) const fn new(block: Block<'r>, defects: &'d mut Vec<ReportDefect>) -> Self {
        Self { block, defects, rejected: Vec::new() }
    }

    /// All values of a name.
    pub(super) fn all<T>(&mut self, name: &'static str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let mut values = Vec::new();
        let mut kept = Vec::with_capacity(self.block.fields.len());
        for field in core::mem::take(&mut self.block.fields) {
            if !field.name.eq_ignore_ascii_case(name) {
                kept.push(field);
                continue;
            }
            match read(&field.value) {
                Some(value) => values.push(value),
                None => {
                    push(self.defects, field.at, ReportDefectKind::BadValue(name));
                    self.rejected.push(field);
                }
            }
        }
        self.block.fields = kept;
        values
    }

    /// The value of a name that may stand once.
    pub(super) fn one<T>(&mut self, name: &'static str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let is_named = |field: &ReadField<'_>| field.name.eq_ignore_ascii_case(name);
        let first = self.block.fields.iter().position(is_named)?;
        let field = self.block.fields.remove(first);
        while let Some(again) = self.block.fields.iter().position(is_named) {
            let again = self.block.fields.remove(again);
            push(self.defects, again.at, ReportDefectKind::Twice(name));
            self.rejected.push(again);
        }
        let value = read(&field.value);
        if value.is_none() {
            push(self.defects, field.at, ReportDefectKind::BadValue(name));
            self.rejected.push(field);
        }
        value
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<ReportText> {
        self.one(name, |value| (!value.is_empty()).then(|| ReportText::lossy(value)))
    }

    pub(super) fn typed(&mut self, name: &'static str) -> Option<TypedValue> {
        self.one(name, TypedValue::read)
    }

    pub(super) fn date(&mut self, name: &'static str) -> Option<DateTime> {
        self.one(name, |value| header::date(value.as_bytes()))
    }

    /// Reports a field that must be there and is not, unless it was there and could not be read.
    pub(super) fn missing(&mut self, name: &'static str) {
        if !self.rejected.iter().any(|field| field.name.eq_ignore_ascii_case(name)) {
            push(self.defects, self.block.at, ReportDefectKind::Missing(name));
        }
    }

    /// What is left: fields that are not known, and fields that could not be read.
    pub(super) fn extensions(self) -> Vec<(FieldName, ReportText)> {
        let mut left = self.block.fields;
        left.extend(self.rejected);
        left.sort_by_key(|field| field.at);
        left.into_iter()
            .filter_map(|field| Some((FieldName::new(field.name).ok()?, ReportText::lossy(&field.value))))
            .collect()
    }
}

/// A value without the comments that RFC 3464 §2.1.1 allows in it.
pub(super) fn without_comments(value: &str) -> String {
    let mut depth = 0_u32;
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth == 0 => out.push(character),
            _ => {}
        }
    }
    out.trim_ascii().to_owned()
}
