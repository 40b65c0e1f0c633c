//! Parameters of Content-Type and Content-Disposition (RFC 2045 §5.1, RFC 2231, RFC 2047 in practice).
//!
//! ```abnf
//! parameter = attribute [ "*" section ] [ "*" ] "=" ( token / quoted-string )
//! ```
//!
//! Read as programs write them: missing semicolons, unquoted values with blanks, encoded words inside of file
//! names, sections out of order. A name is looked up in the order of trust: `name*`, then `name*0`, then `name`.

use std::borrow::Cow;

use crate::decode::{charset, hex_pair};
use crate::defect::{Defect, DefectKind, Defects};
use crate::header::lex::{self, Lexer, is_blank};
use crate::header::text;
use crate::limits::Limits;

/// One parameter as written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parameter<'a> {
    name: &'a [u8],
    section: Option<u32>,
    extended: bool,
    value: Cow<'a, [u8]>,
}

/// The parameters of one field, in the order in which they stand (RFC 2045 §5.1).
///
/// ```
/// use smtpkit_mime::{Limits, header::Disposition};
///
/// let value = b"attachment; filename=x.txt; filename*0*=utf-8''na%C3; filename*1*=%AFve.txt";
/// let disposition = Disposition::parse(value, &Limits::default());
/// assert_eq!(disposition.parameters().get("filename").as_deref(), Some("naïve.txt"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters<'a> {
    all: Vec<Parameter<'a>>,
}

impl<'a> Parameters<'a> {
    pub(crate) const NONE: Self = Self { all: Vec::new() };

    /// Reads what follows a media type or a disposition type.
    pub(crate) fn parse(lexer: &mut Lexer<'a>, limits: &Limits, defects: &mut Defects) -> Self {
        let mut all = Vec::new();
        loop {
            lexer.skip_cfws();
            while lexer.accept(b';') {
                lexer.skip_cfws();
            }
            if lexer.peek().is_none() {
                break;
            }
            let at = lexer.at();
            if all.len() >= usize::from(limits.parameters_max) {
                defects.push(Defect::new(DefectKind::TooManyParameters, at as u64), limits.defects_max);
                break;
            }
            let name =
                lexer.take_while(|octet| !is_blank(octet) && !matches!(octet, b'=' | b';' | b'(' | b'"'));
            lexer.skip_cfws();
            let value = lexer.accept(b'=').then(|| value(lexer)).flatten();
            if name.is_empty() && value.is_none() && lexer.at() == at {
                lexer.bump();
            }
            match value.and_then(|value| Parameter::new(name, value)) {
                Some(parameter) => all.push(parameter),
                None => defects.push(Defect::new(DefectKind::BadParameter, at as u64), limits.defects_max),
            }
        }
        Self { all }
    }

    /// The value of a parameter, name in any case: RFC 2231 forms before plain ones, everything decoded.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let of_name =
            || self.all.iter().filter(|parameter| parameter.name.eq_ignore_ascii_case(name.as_bytes()));
        if let Some(found) = of_name().find(|parameter| parameter.extended && parameter.section.is_none()) {
            return Some(Cow::Owned(extended(&[found])));
        }
        let mut sections: Vec<_> = of_name().filter(|parameter| parameter.section.is_some()).collect();
        if !sections.is_empty() {
            sections.sort_by_key(|parameter| parameter.section);
            return Some(Cow::Owned(extended(&sections)));
        }
        of_name().next().map(|parameter| plain(&parameter.value))
    }

    /// The value of a parameter that is a name of a protocol (charset, boundary, format), not decoded.
    pub(crate) fn raw(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        let plain = self.all.iter().find(|parameter| {
            parameter.section.is_none() && !parameter.extended && parameter.name.eq_ignore_ascii_case(name)
        });
        match plain {
            Some(parameter) => Some(Cow::Borrowed(&parameter.value)),
            None => self
                .get(std::str::from_utf8(name).ok()?)
                .map(|value| Cow::Owned(value.into_owned().into_bytes())),
        }
    }

    /// The language of a parameter in one of the RFC 2231 forms.
    pub fn language(&self, name: &str) -> Option<&str> {
        let first = self.all.iter().find(|parameter| {
            parameter.extended
                && parameter.section.unwrap_or(0) == 0
                && parameter.name.eq_ignore_ascii_case(name.as_bytes())
        })?;
        let language = std::str::from_utf8(split_extended(&first.value).1).ok()?;
        (!language.is_empty()).then_some(language)
    }

    /// Names in the order in which they stand, a name of several sections once per section.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter_map(|parameter| std::str::from_utf8(parameter.name).ok())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

impl<'a> Parameter<'a> {
    /// Splits `title*1*` into its name, section and mark.
    fn new(written: &'a [u8], value: Cow<'a, [u8]>) -> Option<Self> {
        let (stripped, extended) = match written.strip_suffix(b"*") {
            Some(stripped) => (stripped, true),
            None => (written, false),
        };
        let mut halves = stripped.splitn(2, |octet| *octet == b'*');
        let name = halves.next().filter(|name| !name.is_empty())?;
        let section = match halves.next() {
            None => None,
            Some(digits) => Some(std::str::from_utf8(digits).ok()?.parse().ok()?),
        };
        Some(Self { name, section, extended, value })
    }
}

/// The value at the lexer; none if nothing is there.
fn value<'a>(lexer: &mut Lexer<'a>) -> Option<Cow<'a, [u8]>> {
    lexer.skip_cfws();
    if lexer.peek()? == b'"' {
        let text = lexer.quoted();
        if lex::is_plain(text) {
            return Some(Cow::Borrowed(text));
        }
        let mut unescaped = Vec::with_capacity(text.len());
        lex::unescape(text, &mut unescaped);
        return Some(Cow::Owned(unescaped));
    }
    let start = lexer.at();
    let mut end = start;
    loop {
        lexer.take_while(|octet| !is_blank(octet) && octet != b';');
        end = if lexer.at() > end { lexer.at() } else { end };
        if !matches!(lexer.peek(), Some(octet) if is_blank(octet)) {
            break;
        }
        lexer.skip_blanks();
        if at_next_parameter(lexer) {
            break;
        }
    }
    let text = lexer.slice(start, end).trim_ascii_end();
    if text.is_empty() {
        return None;
    }
    if lex::is_plain(text) {
        return Some(Cow::Borrowed(text));
    }
    Some(Cow::Owned(text.iter().copied().filter(|octet| !matches!(octet, b'\r' | b'\n')).collect()))
}

/// Whether a blank inside of an unquoted value ends it: a comment, the end, or `name=` follows.
fn at_next_parameter(lexer: &Lexer<'_>) -> bool {
    let mut ahead = lexer.clone();
    match ahead.peek() {
        None | Some(b'(' | b';') => return true,
        _ => {}
    }
    let name =
        ahead.take_while(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'*' | b'.'));
    ahead.skip_blanks();
    !name.is_empty() && ahead.peek() == Some(b'=')
}

/// Text of a plain value: encoded words decoded, although RFC 2047 §5 forbids them here.
fn plain(value: &[u8]) -> Cow<'_, str> {
    if memchr::memmem::find(value, b"=?").is_some() { text::text(value) } else { charset::unlabelled(value) }
}

/// Charset, language and octets of an extended value.
fn split_extended(value: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let mut parts = value.splitn(3, |octet| *octet == b'\'');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(charset), Some(language), Some(text)) => (charset, language, text),
        _ => (b"", b"", value),
    }
}

/// Joins sections: octets of neighbours in one charset first, characters afterwards.
fn extended(sections: &[&Parameter<'_>]) -> String {
    let mut text = String::new();
    let mut run = Vec::new();
    let (mut label, mut prefix): (&[u8], &[u8]) = (b"", b"");
    let flush = |run: &mut Vec<u8>, label: &[u8], text: &mut String| {
        match std::str::from_utf8(label) {
            Ok(label) if !label.is_empty() => text.push_str(&charset::decode(label, run).text),
            _ => text.push_str(&charset::unlabelled(run)),
        }
        run.clear();
    };
    // RFC 2231 names the charset in section 0; programs that start with a plain section name it in the first extended one
    let naming = sections.iter().position(|section| section.extended);
    for (index, section) in sections.iter().enumerate() {
        if !section.extended {
            flush(&mut run, label, &mut text);
            text.push_str(&plain(&section.value));
            continue;
        }
        let mut octets: &[u8] = &section.value;
        if Some(index) == naming {
            let (charset, _, rest) = split_extended(octets);
            label = charset;
            prefix = octets.get(..octets.len() - rest.len()).unwrap_or_default();
            octets = rest;
        } else if !label.is_empty() {
            // some programs repeat the prefix, or half of it, in every section
            let half = octets.strip_prefix(label).and_then(|rest| rest.strip_prefix(b"'"));
            octets = octets.strip_prefix(prefix).or(half).unwrap_or(octets);
        }
        percent_decode(octets, &mut run);
    }
    flush(&mut run, label, &mut text);
    text
}

fn percent_decode(value: &[u8], out: &mut Vec<u8>) {
    let mut rest = value;
    while let Some((octet, tail)) = rest.split_first() {
        rest = tail;
        if *octet == b'%'
            && let [high, low, after @ ..] = tail
            && let Some(octet) = hex_pair(*high, *low)
        {
            out.push(octet);
            rest = after;
        } else {
            out.push(*octet);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Limits;
    use crate::header::Disposition;

    #[test]
    fn the_first_extended_section_names_the_charset() {
        // RFC 2231 §4.1 wants it in section 0
        for value in [
            "attachment; filename*0*=utf-8''%e2%98%95%20; filename*1*=tables.gif",
            "attachment; filename*1*=utf-8''%e2%98%95%20; filename*0=; filename*2=tables.gif",
            "attachment; filename*0=\"\"; filename*1*=utf-8''%e2%98%95%20tables.gif",
        ] {
            let limits = Limits::default();
            let found = Disposition::parse(value.as_bytes(), &limits);
            assert_eq!(found.parameters().get("filename").as_deref(), Some("☕ tables.gif"), "{value}");
        }
    }
}
