//! The header section of content as it goes by (RFC 5322 §2.1): how many hops the message made, and which fields a
//! submission lacks. Nothing is buffered but the name of the field at hand.

use memchr::memchr;
use smtpkit_codec::trace::DateTime;

/// The longest field name that matters, with its colon.
const NAME_OCTETS_MAX: usize = 11;

/// Looks at the header section while its pieces go by.
#[derive(Debug, Default)]
pub(crate) struct HeaderScan {
    /// The front of the line at hand, in lower case.
    line: [u8; NAME_OCTETS_MAX],
    line_len: usize,
    is_over: bool,
    hops: u32,
    has_date: bool,
    has_message_id: bool,
}

impl HeaderScan {
    /// Looks at the next piece of content. If the header section ends in it: the offset of the empty line.
    ///
    /// An empty line that is cut between its CR and its LF is found too late to put something before it; `None` then,
    /// and [`is_over`](Self::is_over) tells.
    pub(crate) fn scan(&mut self, piece: &[u8]) -> Option<usize> {
        let mut at = 0;
        while !self.is_over
            && let Some(rest) = piece.get(at..).filter(|rest| !rest.is_empty())
        {
            let end = memchr(b'\n', rest).map(|end| end + 1);
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest);
            let is_whole = self.line_len == 0;
            if is_whole && end.is_some() && !begins_like_one_that_matters(line) {
                at += line.len();
                continue;
            }
            self.gather(line);
            if end.is_some() && self.finish_line() {
                return is_whole.then_some(at);
            }
            at += line.len();
        }
        None
    }

    /// Keeps as much of the line as a name can have.
    fn gather(&mut self, part: &[u8]) {
        let free = self.line.iter_mut().skip(self.line_len);
        let taken = free.zip(part).map(|(place, octet)| *place = octet.to_ascii_lowercase()).count();
        self.line_len += taken;
    }

    /// Takes stock of a line; `true` if it is the empty one.
    fn finish_line(&mut self) -> bool {
        let line = self.line.get(..self.line_len).unwrap_or_default();
        self.is_over = matches!(line, b"\r\n" | b"\n");
        self.hops += u32::from(line.starts_with(b"received:"));
        self.has_date |= line.starts_with(b"date:");
        self.has_message_id |= line.starts_with(b"message-id:");
        self.line_len = 0;
        self.is_over
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether the line at hand is a CR so far: it may become the empty line.
    pub(crate) fn is_at_lone_cr(&self) -> bool {
        !self.is_over && self.line.get(..self.line_len) == Some(b"\r")
    }

    /// How many Received fields went by (RFC 5321 §6.3).
    pub(crate) const fn hops(&self) -> u32 {
        self.hops
    }

    /// The fields that a submission server adds where they are missing (RFC 6409 §8.3, §8.4).
    pub(crate) fn missing_fields(&self, id: &str, hostname: &str, unix_seconds: i64) -> String {
        let mut fields = String::new();
        if let Some(date) = DateTime::new(unix_seconds, 0).filter(|_| !self.has_date) {
            fields.push_str(&format!("Date: {date}\r\n"));
        }
        if !self.has_message_id {
            fields.push_str(&format!("Message-ID: <{id}@{hostname}>\r\n"));
        }
        fields
    }
}

/// Whether a line may be the empty one, or a field that is looked for: Received, Date, Message-ID.
const fn begins_like_one_that_matters(line: &[u8]) -> bool {
    matches!(line.first(), Some(b'\r' | b'\n' | b'R' | b'r' | b'D' | b'd' | b'M' | b'm'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, hops: u32, missing: &str) {
        for step in 1..=content.len() {
            let mut scan = HeaderScan::default();
            for piece in content.as_bytes().chunks(step) {
                scan.scan(piece);
            }
            assert_eq!(scan.hops(), hops, "{content:?} by {step}");
            assert_eq!(scan.missing_fields("4711", "mx.test", 0), missing, "{content:?} by {step}");
        }
    }

    #[test]
    fn fields_are_found_in_any_pieces() {
        let date = "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n";
        let id = "Message-ID: <4711@mx.test>\r\n";
        check("Subject: x\r\n\r\nDate: no\r\nReceived: no\r\n", 0, &format!("{date}{id}"));
        check("DATE: x\r\nReceived: a\r\n by b\r\nreceived: c\r\n\r\nbody", 2, id);
        check("Message-Id: <a@b>\r\nDate: x\r\n\r\n", 0, "");
        check("X-Date: x\r\n Date: folded\r\n\r\n", 0, &format!("{date}{id}"));
        check("", 0, &format!("{date}{id}"));
    }

    #[test]
    fn the_empty_line_is_found() {
        let mut scan = HeaderScan::default();
        assert_eq!(scan.scan(b"a: b\r\n\r\nc"), Some(6));
        assert!(scan.is_over());
        let mut scan = HeaderScan::default();
        assert_eq!(scan.scan(b"a: b\r\n"), None);
        assert_eq!(scan.scan(b"\r\nc"), Some(0));
        let mut scan = HeaderScan::default();
        assert_eq!((scan.scan(b"a: b\r\n\r"), scan.scan(b"\nc")), (None, None));
        assert!(scan.is_over());
    }
}
