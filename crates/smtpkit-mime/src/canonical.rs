//! The canonical forms that DKIM signs: simple and relaxed, of fields and of bodies (RFC 6376 §3.4).
//!
//! Canonicalisation only: no hash, no key, no choice of fields. Bodies come in pieces and go out in pieces, the
//! same for every split, in constant memory.

/// Octets that are gathered before they are handed on.
const STEP_OCTETS: usize = 4096;

/// How much of a message may change on its way without breaking a signature (RFC 6376 §3.4).
///
/// ```
/// use smtpkit_mime::canonical::Canonicalization;
///
/// let mut out = Vec::new();
/// Canonicalization::Relaxed.field(b"SubJect :  two\r\n\t words \r\n", &mut out);
/// assert_eq!(out, b"subject:two words\r\n");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Canonicalization {
    /// Nothing but empty lines at the end of the body.
    Simple,
    /// White space and the case of field names.
    Relaxed,
}

impl Canonicalization {
    /// Appends the canonical form of one field, which is given with its folds and its line end (§3.4.1, §3.4.2).
    pub fn field(self, field: &[u8], out: &mut Vec<u8>) {
        if self == Self::Simple {
            return out.extend_from_slice(field);
        }
        let colon = memchr::memchr(b':', field).unwrap_or(field.len());
        let (name, value) = field.split_at_checked(colon).unwrap_or((field, b""));
        out.extend(name.trim_ascii_end().iter().map(u8::to_ascii_lowercase));
        if let Some((colon, value)) = value.split_first() {
            out.push(*colon);
            let words = value.split(|octet| matches!(octet, b' ' | b'\t' | b'\r' | b'\n'));
            for (number, word) in words.filter(|word| !word.is_empty()).enumerate() {
                if number > 0 {
                    out.push(b' ');
                }
                out.extend_from_slice(word);
            }
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Canonicalises a body that comes in pieces (RFC 6376 §3.4.3, §3.4.4).
///
/// ```
/// use smtpkit_mime::canonical::{BodyCanonicalizer, Canonicalization};
///
/// let mut body = BodyCanonicalizer::new(Canonicalization::Relaxed);
/// let mut out = Vec::new();
/// body.push(b" C \r\nD \t E\r\n\r", |octets| out.extend_from_slice(octets));
/// body.push(b"\n\r\n", |octets| out.extend_from_slice(octets));
/// body.finish(|octets| out.extend_from_slice(octets));
/// assert_eq!(out, b" C\r\nD E\r\n");
/// ```
#[derive(Debug, Clone)]
pub struct BodyCanonicalizer {
    canonicalization: Canonicalization,
    /// Line ends that count only if something other than a line end follows.
    line_ends: u64,
    /// White space of the relaxed form that counts only if the line goes on.
    space: bool,
    /// The last octet was a CR, which may be half of a line end.
    after_cr: bool,
    /// Something has gone out.
    is_begun: bool,
    out: Vec<u8>,
}

impl BodyCanonicalizer {
    /// For a body whose first octet is still to come.
    pub const fn new(canonicalization: Canonicalization) -> Self {
        Self {
            canonicalization,
            line_ends: 0,
            space: false,
            after_cr: false,
            is_begun: false,
            out: Vec::new(),
        }
    }

    /// Takes the next octets of the body and gives `sink` what is canonical of them, in pieces.
    pub fn push(&mut self, octets: &[u8], mut sink: impl FnMut(&[u8])) {
        match self.canonicalization {
            Canonicalization::Simple => self.push_simple(octets, &mut sink),
            Canonicalization::Relaxed => self.push_relaxed(octets, &mut sink),
        }
        self.hand_on(&mut sink);
    }

    /// Ends the body, gives `sink` what is left and makes ready for another body.
    pub fn finish(&mut self, mut sink: impl FnMut(&[u8])) {
        if self.after_cr {
            self.content(b"\r", &mut sink);
        }
        // an empty body is one line end in the simple form and nothing in the relaxed one
        if self.is_begun || self.canonicalization == Canonicalization::Simple {
            self.out.extend_from_slice(b"\r\n");
        }
        self.hand_on(&mut sink);
        *self = Self::new(self.canonicalization);
    }

    fn push_simple(&mut self, octets: &[u8], sink: &mut impl FnMut(&[u8])) {
        // only line ends at the end are in doubt; all before them passes as it is
        let doubtful = octets.iter().rev().take_while(|octet| matches!(octet, b'\r' | b'\n')).count();
        let (head, line_ends) = octets.split_at(octets.len() - doubtful);
        if !head.is_empty() {
            if self.after_cr && head.first() == Some(&b'\n') {
                // the CR and this LF are one line end, which `head` goes on after
                self.after_cr = false;
                self.line_ends += 1;
                return self.push_simple(octets.get(1..).unwrap_or_default(), sink);
            }
            if self.after_cr {
                self.content(b"\r", sink);
            }
            self.after_cr = false;
            self.flush_line_ends(sink);
            self.hand_on(sink);
            sink(head);
            self.is_begun = true;
        }
        line_ends.iter().for_each(|octet| self.octet(*octet, sink));
    }

    fn push_relaxed(&mut self, octets: &[u8], sink: &mut impl FnMut(&[u8])) {
        let mut rest = octets;
        while let Some((&octet, tail)) = rest.split_first() {
            match octet {
                b' ' | b'\t' => {
                    if self.after_cr {
                        self.content(b"\r", sink);
                    }
                    self.space = true;
                    rest = tail;
                }
                b'\r' | b'\n' => {
                    self.octet(octet, sink);
                    rest = tail;
                }
                _ => {
                    if self.after_cr {
                        self.content(b"\r", sink);
                    }
                    let (words, tail) = rest.split_at_checked(canonical_run(rest)).unwrap_or((rest, b""));
                    self.content(words, sink);
                    rest = tail;
                }
            }
        }
    }

    /// A CR or LF.
    fn octet(&mut self, octet: u8, sink: &mut impl FnMut(&[u8])) {
        match (octet, self.after_cr) {
            (b'\n', true) => {
                self.line_ends += 1;
                self.space = false;
                self.after_cr = false;
            }
            (b'\n', false) => self.content(b"\n", sink),
            (_, true) => {
                self.content(b"\r", sink);
                self.after_cr = true;
            }
            (_, false) => self.after_cr = true,
        }
    }

    /// Octets that count, and so does what was in doubt before them.
    fn content(&mut self, octets: &[u8], sink: &mut impl FnMut(&[u8])) {
        self.after_cr = false;
        self.flush_line_ends(sink);
        if core::mem::take(&mut self.space) {
            self.out.push(b' ');
        }
        self.out.extend_from_slice(octets);
        self.is_begun = true;
        if self.out.len() >= STEP_OCTETS {
            self.hand_on(sink);
        }
    }

    fn flush_line_ends(&mut self, sink: &mut impl FnMut(&[u8])) {
        for _ in 0..core::mem::take(&mut self.line_ends) {
            self.out.extend_from_slice(b"\r\n");
            self.is_begun = true;
            if self.out.len() >= STEP_OCTETS {
                self.hand_on(sink);
            }
        }
    }

    fn hand_on(&mut self, sink: &mut impl FnMut(&[u8])) {
        if !self.out.is_empty() {
            sink(&self.out);
            self.out.clear();
        }
    }
}

/// Octets that the relaxed form leaves as they are: words with single spaces between them, and none at the end.
fn canonical_run(octets: &[u8]) -> usize {
    let mut after_space = false;
    for (at, octet) in octets.iter().enumerate() {
        match octet {
            b'!'.. => after_space = false,
            b' ' if !after_space => after_space = true,
            b' ' | b'\t' | b'\r' | b'\n' => return at - usize::from(after_space),
            _ => after_space = false,
        }
    }
    octets.len() - usize::from(after_space)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(canonicalization: Canonicalization, pieces: &[&[u8]]) -> Vec<u8> {
        let (mut body, mut out) = (BodyCanonicalizer::new(canonicalization), Vec::new());
        pieces.iter().for_each(|piece| body.push(piece, |octets| out.extend_from_slice(octets)));
        body.finish(|octets| out.extend_from_slice(octets));
        out
    }

    fn check(canonicalization: Canonicalization, input: &str, expected: &str) {
        for cut in 0..=input.len() {
            let (head, tail) = input.as_bytes().split_at(cut);
            let out = body(canonicalization, &[head, b"", tail]);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{input:?} cut at {cut}");
        }
    }

    /// The example of RFC 6376 §3.4.5.
    #[test]
    fn the_example_of_the_rfc() {
        let fields: [&[u8]; 2] = [b"A: X\r\n", b"B : Y\t\r\n\tZ  \r\n"];
        let header = |canonicalization: Canonicalization| {
            let mut out = Vec::new();
            fields.iter().for_each(|field| canonicalization.field(field, &mut out));
            out
        };
        assert_eq!(header(Canonicalization::Relaxed), b"a:X\r\nb:Y Z\r\n");
        assert_eq!(header(Canonicalization::Simple), fields.concat());
        let input = " C \r\nD \t E\r\n\r\n\r\n";
        check(Canonicalization::Relaxed, input, " C\r\nD E\r\n");
        check(Canonicalization::Simple, input, " C \r\nD \t E\r\n");
    }

    /// RFC 6376 §3.4.3 and §3.4.4 on bodies that are empty or lack their last line end.
    #[test]
    fn empty_bodies_and_open_lines_are_ended() {
        check(Canonicalization::Simple, "", "\r\n");
        check(Canonicalization::Simple, "\r\n\r\n", "\r\n");
        check(Canonicalization::Simple, "a", "a\r\n");
        check(Canonicalization::Simple, "a \r\n \r\n", "a \r\n \r\n");
        check(Canonicalization::Relaxed, "", "");
        check(Canonicalization::Relaxed, " \r\n\t\r\n", "");
        check(Canonicalization::Relaxed, "a", "a\r\n");
        check(Canonicalization::Relaxed, "a \t", "a\r\n");
        check(Canonicalization::Relaxed, "\r\n\r\na", "\r\n\r\na\r\n");
    }

    #[test]
    fn only_crlf_is_a_line_end() {
        for canonicalization in [Canonicalization::Simple, Canonicalization::Relaxed] {
            check(canonicalization, "a\n\n", "a\n\n\r\n");
            check(canonicalization, "a\r\r", "a\r\r\r\n");
            check(canonicalization, "a\r\r\n", "a\r\r\n");
            check(canonicalization, "a\r\n\n", "a\r\n\n\r\n");
            check(canonicalization, "\r\n\rb", "\r\n\rb\r\n");
        }
    }

    /// RFC 6376 §3.4.4, by lines.
    fn relaxed_reference(input: &str) -> String {
        let squeezed = |line: &str| {
            let mut out = String::new();
            for character in line.trim_end_matches([' ', '\t']).chars() {
                match character {
                    ' ' | '\t' if out.ends_with(' ') => {}
                    '\t' => out.push(' '),
                    _ => out.push(character),
                }
            }
            out
        };
        let lines: Vec<String> = input.split("\r\n").map(squeezed).collect();
        let joined = lines.join("\r\n");
        let kept = joined.len()
            - joined.bytes().rev().collect::<Vec<_>>().chunks(2).take_while(|c| c == b"\n\r").count() * 2;
        if kept == 0 { String::new() } else { format!("{}\r\n", &joined[..kept]) }
    }

    proptest! {
        #[test]
        fn the_relaxed_form_follows_the_rule_and_splits_do_not_matter(
            input in "([ab \t]{0,4}(\r\n){0,3}){0,8}",
            cut in 0..40usize,
        ) {
            let whole = body(Canonicalization::Relaxed, &[input.as_bytes()]);
            prop_assert_eq!(String::from_utf8(whole.clone()).unwrap(), relaxed_reference(&input));
            let (head, tail) = input.as_bytes().split_at(cut.min(input.len()));
            prop_assert_eq!(body(Canonicalization::Relaxed, &[head, tail]), whole);
        }

        #[test]
        fn splits_do_not_matter(
            pieces in proptest::collection::vec("[ab \t\r\n]{0,12}", 0..6),
        ) {
            let whole = pieces.concat();
            let pieces: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_bytes()).collect();
            for canonicalization in [Canonicalization::Simple, Canonicalization::Relaxed] {
                prop_assert_eq!(body(canonicalization, &pieces), body(canonicalization, &[whole.as_bytes()]));
            }
        }
    }
}
