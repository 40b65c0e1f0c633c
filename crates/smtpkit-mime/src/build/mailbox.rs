//! Addresses as fields name them: mailboxes and groups (RFC 5322 §3.4, RFC 6532 §3.2).
//!
//! Values to be written. What other people wrote is read by the parsing half, which takes far more than may be
//! written today.

use core::fmt;
use core::str::FromStr;

use memchr::memrchr;

use super::value_error::{ValueError, ValueKind, ValueProblem, check, check_text, is_text_octet};

/// Longest address: twice the longest path of RFC 5321 §4.5.3.1.3, and a line of 998 octets always holds it.
const ADDRESS_OCTETS_MAX: usize = 512;

/// An address of the form `local-part@domain` (RFC 5322 §3.4.1).
///
/// Octets above 127 are UTF-8 (RFC 6532) and make the message need `SMTPUTF8`.
///
/// ```
/// use smtpkit_mime::build::AddrSpec;
///
/// let address = AddrSpec::new("\"john doe\"@[192.0.2.1]")?;
/// assert_eq!((address.local_part(), address.domain()), ("\"john doe\"", "[192.0.2.1]"));
/// assert!(AddrSpec::new("john doe@example.org").is_err());
/// # Ok::<(), smtpkit_mime::build::ValueError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AddrSpec {
    text: String,
    at_sign: usize,
}

impl AddrSpec {
    /// Takes an address whose local part is a dot-atom or a quoted string and whose domain is a dot-atom or a
    /// literal in square brackets.
    ///
    /// # Errors
    /// [`ValueError`] if it is longer than 512 octets, has no `@`, an empty part, or an octet that its place in
    /// the grammar does not allow.
    pub fn new(address: &str) -> Result<Self, ValueError> {
        let problem = |problem| Err(ValueError::new(ValueKind::Address, problem));
        if address.is_empty() {
            return problem(ValueProblem::Empty);
        }
        if address.len() > ADDRESS_OCTETS_MAX {
            return problem(ValueProblem::TooLong { octets_max: ADDRESS_OCTETS_MAX });
        }
        // a quoted local part and a literal may hold an `@`; a domain outside brackets may not
        let before_literal = address.strip_suffix(']').and_then(|address| address.rfind("@["));
        let Some(at_sign) = before_literal.or_else(|| memrchr(b'@', address.as_bytes())) else {
            return problem(ValueProblem::Missing(b'@'));
        };
        let (local_part, domain) = address.split_at(at_sign);
        if local_part.starts_with('"') {
            check_quoted(local_part)?;
        } else {
            check_dot_atom(local_part, 0)?;
        }
        let domain = domain.strip_prefix('@').unwrap_or(domain);
        if let Some(literal) = domain.strip_prefix('[') {
            check_literal(literal, at_sign + 2)?;
        } else {
            check_dot_atom(domain, at_sign + 1)?;
        }
        Ok(Self { text: address.to_owned(), at_sign })
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the last `@`, quotes included.
    pub fn local_part(&self) -> &str {
        self.text.get(..self.at_sign).unwrap_or_default()
    }

    /// What stands after the last `@`, brackets included.
    pub fn domain(&self) -> &str {
        self.text.get(self.at_sign + 1..).unwrap_or_default()
    }
}

impl FromStr for AddrSpec {
    type Err = ValueError;

    fn from_str(address: &str) -> Result<Self, ValueError> {
        Self::new(address)
    }
}

impl fmt::Display for AddrSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A person or thing that receives mail: an address and perhaps a name (RFC 5322 §3.4).
///
/// ```
/// use smtpkit_mime::build::Mailbox;
///
/// let ada = Mailbox::named("Ada Lovelace", "ada@example.org")?;
/// assert_eq!(ada.name(), Some("Ada Lovelace"));
/// assert_eq!("Ada Lovelace <ada@example.org>".parse(), Ok(ada));
/// # Ok::<(), smtpkit_mime::build::ValueError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    name: Option<String>,
    address: AddrSpec,
}

impl Mailbox {
    /// A mailbox without a name.
    ///
    /// ```
    /// # use smtpkit_mime::build::Mailbox;
    /// assert!(Mailbox::new("ada@example.org").is_ok());
    /// assert!(Mailbox::new("ada@example.org\r\nSubject: x").is_err());
    /// ```
    ///
    /// # Errors
    /// [`ValueError`] of [`AddrSpec::new`].
    pub fn new(address: &str) -> Result<Self, ValueError> {
        Ok(Self { name: None, address: AddrSpec::new(address)? })
    }

    /// A mailbox with a name in any script; an empty name is no name.
    ///
    /// ```
    /// # use smtpkit_mime::build::Mailbox;
    /// assert!(Mailbox::named("渡辺", "w@example.org").is_ok());
    /// ```
    ///
    /// # Errors
    /// [`ValueError`] if the name has a CR, LF or NUL, or of [`AddrSpec::new`].
    pub fn named(name: &str, address: &str) -> Result<Self, ValueError> {
        check_text(ValueKind::DisplayName, name)?;
        let name = (!name.is_empty()).then(|| name.to_owned());
        Ok(Self { name, address: AddrSpec::new(address)? })
    }

    /// The name.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address.
    pub const fn address(&self) -> &AddrSpec {
        &self.address
    }

    /// The address without its name.
    pub fn into_address(self) -> AddrSpec {
        self.address
    }
}

impl From<AddrSpec> for Mailbox {
    fn from(address: AddrSpec) -> Self {
        Self { name: None, address }
    }
}

/// Reads `address`, `name <address>` or `"name" <address>`, as people write it on a command line.
impl FromStr for Mailbox {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let text = text.trim_matches([' ', '\t']);
        let Some((name, address)) = text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) else {
            return Self::new(text);
        };
        let name = name.trim_matches([' ', '\t']);
        match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
            Some(quoted) => Self::named(&unquoted(quoted), address),
            None => Self::named(name, address),
        }
    }
}

/// A named list of mailboxes, which may be empty (RFC 5322 §3.4).
///
/// ```
/// use smtpkit_mime::build::Group;
///
/// let nobody = Group::new("undisclosed-recipients", [])?;
/// assert!(nobody.members().is_empty());
/// # Ok::<(), smtpkit_mime::build::ValueError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group {
    name: String,
    members: Vec<Mailbox>,
}

impl Group {
    /// A group of `members`.
    ///
    /// # Errors
    /// [`ValueError`] if the name is empty or has a CR, LF or NUL.
    pub fn new(name: &str, members: impl IntoIterator<Item = Mailbox>) -> Result<Self, ValueError> {
        check(ValueKind::DisplayName, name, usize::MAX, is_text_octet)?;
        Ok(Self { name: name.to_owned(), members: members.into_iter().collect() })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The mailboxes.
    pub fn members(&self) -> &[Mailbox] {
        &self.members
    }
}

/// An entry of an address list: a mailbox or a group (RFC 5322 §3.4).
///
/// ```
/// use smtpkit_mime::build::{Address, Mailbox};
///
/// let address = Address::from(Mailbox::new("ada@example.org")?);
/// assert_eq!(address.mailboxes().len(), 1);
/// # Ok::<(), smtpkit_mime::build::ValueError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// One mailbox.
    Mailbox(Mailbox),
    /// A named list.
    Group(Group),
}

impl Address {
    /// The mailboxes it stands for.
    pub fn mailboxes(&self) -> &[Mailbox] {
        match self {
            Self::Mailbox(mailbox) => core::slice::from_ref(mailbox),
            Self::Group(group) => group.members(),
        }
    }

    /// The same, taken out.
    pub(crate) fn into_mailboxes(self) -> impl Iterator<Item = Mailbox> {
        let (one, many) = match self {
            Self::Mailbox(mailbox) => (Some(mailbox), Vec::new()),
            Self::Group(group) => (None, group.members),
        };
        one.into_iter().chain(many)
    }
}

impl From<Mailbox> for Address {
    fn from(mailbox: Mailbox) -> Self {
        Self::Mailbox(mailbox)
    }
}

impl From<Group> for Address {
    fn from(group: Group) -> Self {
        Self::Group(group)
    }
}

/// Whether an octet may stand in an atom (RFC 5322 §3.2.3, RFC 6532 §3.2).
#[expect(clippy::indexing_slicing, reason = "an octet is always within 256 places")]
pub(super) const fn is_atom_octet(octet: u8) -> bool {
    const ATOM: [bool; 256] = {
        let mut atom = [false; 256];
        let mut octet = 0;
        while octet < 256 {
            atom[octet] = octet >= 0x80 || (octet as u8).is_ascii_alphanumeric();
            octet += 1;
        }
        let punctuation = b"!#$%&'*+-/=?^_`{|}~";
        let mut at = 0;
        while at < punctuation.len() {
            atom[punctuation[at] as usize] = true;
            at += 1;
        }
        atom
    };
    ATOM[octet as usize]
}

const fn refused(octet: u8, at: usize) -> ValueError {
    ValueError::new(ValueKind::Address, ValueProblem::Octet { octet, at })
}

/// `dot-atom-text`, which starts `offset` octets into the address.
fn check_dot_atom(text: &str, offset: usize) -> Result<(), ValueError> {
    if text.is_empty() {
        return Err(ValueError::new(ValueKind::Address, ValueProblem::Empty));
    }
    let mut before = b'.';
    for (at, octet) in text.bytes().enumerate() {
        if !is_atom_octet(octet) && (octet != b'.' || before == b'.') {
            return Err(refused(octet, offset + at));
        }
        before = octet;
    }
    if before == b'.' { Err(refused(b'.', offset + text.len() - 1)) } else { Ok(()) }
}

/// `quoted-string`, known to start with its quote.
fn check_quoted(text: &str) -> Result<(), ValueError> {
    let mut escaped = false;
    for (octet, at) in text.bytes().zip(0..).skip(1) {
        match octet {
            _ if octet.is_ascii_control() => return Err(refused(octet, at)),
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' if at + 1 == text.len() => return Ok(()),
            b'"' => return Err(refused(octet, at)),
            _ => {}
        }
    }
    Err(ValueError::new(ValueKind::Address, ValueProblem::Missing(b'"')))
}

/// The rest of a `domain-literal` after its bracket.
fn check_literal(text: &str, offset: usize) -> Result<(), ValueError> {
    for (octet, at) in text.bytes().zip(0..) {
        match octet {
            b']' if at + 1 == text.len() => return Ok(()),
            0..=b' ' | 0x7f | b'[' | b']' | b'\\' => return Err(refused(octet, offset + at)),
            _ => {}
        }
    }
    Err(ValueError::new(ValueKind::Address, ValueProblem::Missing(b']')))
}

fn unquoted(quoted: &str) -> String {
    let mut text = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        text.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: Option<ValueProblem>) {
        assert_eq!(AddrSpec::new(address).err().map(|e| e.problem()), expected, "{address:?}");
    }

    const fn octet(octet: u8, at: usize) -> Option<ValueProblem> {
        Some(ValueProblem::Octet { octet, at })
    }

    #[test]
    fn addresses_follow_the_grammar() {
        check("a@b", None);
        check("first.last+tag@mail.example.org", None);
        check("\"a b\"@example.org", None);
        check("\"a@b\\\"c\"@example.org", None);
        check("a@[IPv6:2001:db8::1]", None);
        check("\"a@[b\"@[192.0.2.1]", None);
        check("用户@例子.广告", None);
        check("", Some(ValueProblem::Empty));
        check("nobody", Some(ValueProblem::Missing(b'@')));
        check("@example.org", Some(ValueProblem::Empty));
        check("a@", Some(ValueProblem::Empty));
        check("a..b@c", octet(b'.', 2));
        check(".a@c", octet(b'.', 0));
        check("a.@c", octet(b'.', 1));
        check("a@c.", octet(b'.', 3));
        check("a b@c", octet(b' ', 1));
        check("a@b c", octet(b' ', 3));
        check("a,b@c", octet(b',', 1));
        check("<a@b>", octet(b'<', 0));
        check("\"a\"b\"@c", octet(b'"', 2));
        check("\"a@c", Some(ValueProblem::Missing(b'"')));
        check("\"a\\\"@c", Some(ValueProblem::Missing(b'"')));
        check("a@[1.2", Some(ValueProblem::Missing(b']')));
        check("a@[1]2]", octet(b']', 4));
        check("a@b\r\nX: y", octet(b'\r', 3));
        check("a\0@b", octet(0, 1));
        check(&format!("{}@b", "x".repeat(511)), Some(ValueProblem::TooLong { octets_max: 512 }));
    }

    #[test]
    fn mailboxes_are_read_as_people_write_them() {
        let parse = |text: &str| text.parse::<Mailbox>();
        assert_eq!(parse(" a@b "), Mailbox::new("a@b"));
        assert_eq!(parse("<a@b>"), Mailbox::new("a@b"));
        assert_eq!(parse("A B <a@b>"), Mailbox::named("A B", "a@b"));
        assert_eq!(parse("\"A \\\"<B>\" <a@b>"), Mailbox::named("A \"<B>", "a@b"));
        assert!(parse("A <a@b").is_err());
        assert!(parse("A\n <a@b>").is_err());
    }
}
