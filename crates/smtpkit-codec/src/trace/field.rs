//! Writing a field and folding it (RFC 5322 §2.2.3): a clause that would pass column 78
//! goes onto a new line.

use core::fmt::{self, Write};

use bytes::BufMut;

use crate::limits;

/// One field under way, clause by clause.
pub(super) struct Field<W> {
    out: W,
    column: usize,
}

impl<W: Write> Field<W> {
    /// Starts with `name`, colon included.
    pub(super) fn start(mut out: W, name: &str) -> Result<Self, fmt::Error> {
        out.write_str(name)?;
        Ok(Self { out, column: name.len() })
    }

    /// Adds a clause after a space, on a new line if it would not fit.
    pub(super) fn clause(&mut self, clause: fmt::Arguments<'_>) -> fmt::Result {
        let mut octets = Count(0);
        octets.write_fmt(clause)?;
        // One column is kept for a semicolon, which cannot stand on a line of its own.
        if self.column + 1 + octets.0 + 1 > limits::FIELD_LINE_OCTETS {
            self.out.write_str("\r\n")?;
            self.column = 0;
        }
        self.column += 1 + octets.0;
        write!(self.out, " {clause}")
    }

    /// Ends a list of clauses.
    pub(super) fn semicolon(&mut self) -> fmt::Result {
        self.column += 1;
        self.out.write_str(";")
    }

    /// Ends the field.
    pub(super) fn finish(mut self) -> fmt::Result {
        self.out.write_str("\r\n")
    }
}

/// Something that writes itself as a field: what both halves of `Encode` are made of.
pub(super) trait WriteField {
    fn write_field(&self, out: &mut dyn Write) -> fmt::Result;
}

/// How many octets the field has.
pub(super) fn field_len(field: &impl WriteField) -> usize {
    let mut count = Count(0);
    field.write_field(&mut count).expect("invariant: Count never fails");
    count.0
}

/// Puts the field into `out`.
pub(super) fn put_field(field: &impl WriteField, out: &mut impl BufMut) {
    field.write_field(&mut Octets(out)).expect("invariant: Octets never fails");
}

/// Counts what is written.
struct Count(usize);

impl Write for Count {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// Puts what is written into a buffer.
struct Octets<'o, B>(&'o mut B);

impl<B: BufMut> Write for Octets<'_, B> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.put_slice(text.as_bytes());
        Ok(())
    }
}
