//! The mailboxes of this system: which one an address is delivered to.
//!
//! The order is: the mailbox itself, the mailbox before a `+tag`, `postmaster` (RFC 5321 §4.5.1), the catch-all of the
//! domain. Local parts are compared without regard to ASCII case, as every mail user expects.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use smtpkit_codec::address::{Domain, Mailbox, MailboxRef};

/// A mailbox of this system, in its canonical spelling.
///
/// ```
/// let mut directory = smtpkit_relay::Directory::default();
/// let mailbox = directory.add_mailbox("Alice@Example.test")?;
/// assert_eq!(mailbox.to_string(), "alice@example.test");
/// assert_eq!(mailbox.folder("data".as_ref()), std::path::Path::new("data/mail/example.test/alice"));
/// # Ok::<(), smtpkit_relay::DirectoryError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalMailbox {
    domain: String,
    local_part: String,
}

impl LocalMailbox {
    /// Reads what `Display` wrote.
    pub(crate) fn from_canonical(text: &str) -> Option<Self> {
        let (local_part, domain) = text.rsplit_once('@')?;
        Some(Self { domain: domain.to_owned(), local_part: local_part.to_owned() })
    }

    /// The folder below `data` that holds its mail.
    #[must_use]
    pub fn folder(&self, data: &Path) -> PathBuf {
        data.join("mail").join(path_component(&self.domain)).join(path_component(&self.local_part))
    }
}

impl std::fmt::Display for LocalMailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.local_part, self.domain)
    }
}

/// All local domains with their mailboxes.
///
/// ```
/// use smtpkit_codec::address::Mailbox;
///
/// let mut directory = smtpkit_relay::Directory::default();
/// directory.add_mailbox("alice@example.test")?;
/// let tagged: Mailbox = "ALICE+shop@example.test".parse()?;
/// assert_eq!(directory.resolve(tagged.as_ref()).map(|mailbox| mailbox.to_string()).as_deref(), Some("alice@example.test"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Directory {
    domains: BTreeMap<String, LocalDomain>,
    /// Where mail for a postmaster goes whose domain names nobody.
    first: Option<LocalMailbox>,
}

#[derive(Clone, Debug, Default)]
struct LocalDomain {
    local_parts: BTreeSet<String>,
    postmaster: Option<LocalMailbox>,
    catch_all: Option<LocalMailbox>,
}

/// Why an address cannot be used as a mailbox of this system.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DirectoryError {
    /// The text breaks the grammar of RFC 5321 §4.1.2.
    #[error("`{0}` is not a mail address")]
    NotAnAddress(String),
    /// The text is no domain name.
    #[error("`{0}` is not a domain name")]
    NotADomain(String),
    /// The address is to take mail, and nobody here has it.
    #[error("no mailbox here has the address `{0}`")]
    NoSuchMailbox(String),
}

impl Directory {
    /// Makes `name` a local domain.
    ///
    /// # Errors
    /// If it is no domain name.
    pub fn add_domain(&mut self, name: &str) -> Result<(), DirectoryError> {
        let domain: Domain = name.parse().map_err(|_| DirectoryError::NotADomain(name.to_owned()))?;
        self.domains.entry(canonical_domain(domain.as_str())).or_default();
        Ok(())
    }

    /// Makes `address` a mailbox, and its domain a local one. The first of all is the postmaster of every domain that
    /// names nobody.
    ///
    /// # Errors
    /// If it is no address.
    pub fn add_mailbox(&mut self, address: &str) -> Result<LocalMailbox, DirectoryError> {
        let mailbox = parse(address)?;
        let local = LocalMailbox {
            domain: canonical_domain(mailbox.as_ref().domain_text()),
            local_part: canonical_local_part(mailbox.as_ref()),
        };
        self.domains.entry(local.domain.clone()).or_default().local_parts.insert(local.local_part.clone());
        self.first.get_or_insert_with(|| local.clone());
        Ok(local)
    }

    /// Sends what no mailbox of `domain` takes to `address`, which has to be a local mailbox.
    ///
    /// # Errors
    /// If it is no address, or none of a mailbox here.
    pub fn set_catch_all(&mut self, domain: &str, address: &str) -> Result<(), DirectoryError> {
        let target = self.find(address)?;
        self.domains.entry(canonical_domain(domain)).or_default().catch_all = Some(target);
        Ok(())
    }

    /// Sends mail for the postmaster of `domain` to `address`, which has to be a local mailbox.
    ///
    /// # Errors
    /// If it is no address, or none of a mailbox here.
    pub fn set_postmaster(&mut self, domain: &str, address: &str) -> Result<(), DirectoryError> {
        let target = self.find(address)?;
        self.domains.entry(canonical_domain(domain)).or_default().postmaster = Some(target);
        Ok(())
    }

    /// The local domains, sorted.
    pub fn domains(&self) -> impl Iterator<Item = &str> {
        self.domains.keys().map(String::as_str)
    }

    /// Whether `name` is a local domain, in either spelling.
    #[must_use]
    pub fn has_domain(&self, name: &str) -> bool {
        self.domains.contains_key(&canonical_domain(name))
    }

    /// Whether the domain of `address` is one of ours.
    #[must_use]
    pub fn is_local(&self, address: MailboxRef<'_>) -> bool {
        self.has_domain(address.domain_text())
    }

    /// The mailbox that mail for `address` goes to; `None` if nobody here takes it.
    #[must_use]
    pub fn resolve(&self, address: MailboxRef<'_>) -> Option<LocalMailbox> {
        let name = canonical_domain(address.domain_text());
        let domain = self.domains.get(&name)?;
        let wanted = canonical_local_part(address);
        let base = wanted.split_once('+').map(|(base, _)| base).filter(|base| !base.is_empty());
        [Some(wanted.as_str()), base]
            .into_iter()
            .flatten()
            .find(|local_part| domain.local_parts.contains(*local_part))
            .map(|local_part| LocalMailbox { domain: name.clone(), local_part: local_part.to_owned() })
            .or_else(|| (base.unwrap_or(&wanted) == "postmaster").then(|| self.postmaster_of(&name, domain)))
            .or_else(|| domain.catch_all.clone())
    }

    /// The mailbox of `RCPT TO:<Postmaster>`, which names no domain (RFC 5321 §4.1.1.3).
    #[must_use]
    pub fn postmaster(&self) -> Option<LocalMailbox> {
        let (name, domain) = self.domains.first_key_value()?;
        Some(self.postmaster_of(name, domain))
    }

    fn postmaster_of(&self, name: &str, domain: &LocalDomain) -> LocalMailbox {
        let own = || LocalMailbox { domain: name.to_owned(), local_part: "postmaster".to_owned() };
        domain.postmaster.clone().or_else(|| self.first.clone()).unwrap_or_else(own)
    }

    fn find(&self, address: &str) -> Result<LocalMailbox, DirectoryError> {
        let mailbox = parse(address)?;
        self.resolve(mailbox.as_ref()).ok_or_else(|| DirectoryError::NoSuchMailbox(address.to_owned()))
    }
}

fn parse(address: &str) -> Result<Mailbox, DirectoryError> {
    address.parse().map_err(|_| DirectoryError::NotAnAddress(address.to_owned()))
}

/// The A-label form in lower case, so that both spellings of an internationalised domain are one; what is no
/// domain name (a literal) only in lower case.
pub(crate) fn canonical_domain(name: &str) -> String {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.starts_with('[') {
        return name.to_ascii_lowercase();
    }
    idna::domain_to_ascii(name).unwrap_or_else(|_| name.to_ascii_lowercase())
}

pub(crate) fn canonical_local_part(mailbox: MailboxRef<'_>) -> String {
    mailbox.local_part().unquoted().to_lowercase()
}

/// A name as one component of a path: nothing climbs out of the folder or hides in it.
fn path_component(name: &str) -> String {
    use std::fmt::Write as _;
    let mut component = String::with_capacity(name.len());
    for (at, character) in name.char_indices() {
        let plain = character.is_alphanumeric()
            || matches!(character, '_' | '-' | '+' | '=' | '@' | '&' | '#' | '!' | '~')
            || (character == '.' && at > 0);
        if plain {
            component.push(character);
        } else {
            for octet in character.encode_utf8(&mut [0; 4]).bytes() {
                // writing to a String cannot fail
                let _ = write!(component, "%{octet:02X}");
            }
        }
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> Directory {
        let mut directory = Directory::default();
        directory.add_mailbox("Alice@Example.test").unwrap();
        directory.add_mailbox("bob@example.test").unwrap();
        directory.add_mailbox("with+plus@example.test").unwrap();
        directory.add_domain("other.test").unwrap();
        directory.add_domain("all.test").unwrap();
        directory.set_catch_all("all.test", "bob@example.test").unwrap();
        directory.set_postmaster("all.test", "bob@example.test").unwrap();
        directory
    }

    #[test]
    fn addresses_find_their_mailbox() {
        let cases = [
            ("alice@example.test", Some("alice@example.test")),
            ("ALICE@EXAMPLE.TEST", Some("alice@example.test")),
            ("\"alice\"@example.test", Some("alice@example.test")),
            ("alice+shop@example.test", Some("alice@example.test")),
            ("with+plus@example.test", Some("with+plus@example.test")),
            ("nobody@example.test", None),
            ("postmaster@example.test", Some("alice@example.test")),
            ("Postmaster@other.test", Some("alice@example.test")),
            ("postmaster@all.test", Some("bob@example.test")),
            ("anything@all.test", Some("bob@example.test")),
            ("anything@other.test", None),
            ("alice@elsewhere.test", None),
            ("postmaster@elsewhere.test", None),
        ];
        let directory = directory();
        for (address, expected) in cases {
            let mailbox: Mailbox = address.parse().unwrap();
            let found = directory.resolve(mailbox.as_ref()).map(|local| local.to_string());
            assert_eq!(found.as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn both_spellings_of_an_international_domain_are_one() {
        let mut directory = Directory::default();
        directory.add_mailbox("δοκιμή@παράδειγμα.test").unwrap();
        let mailbox: Mailbox = "δοκιμή@xn--hxajbheg2az3al.test".parse().unwrap();
        assert!(directory.resolve(mailbox.as_ref()).is_some());
    }

    #[test]
    fn a_catch_all_has_to_exist() {
        let error = directory().set_catch_all("all.test", "carol@example.test").unwrap_err();
        assert_eq!(error, DirectoryError::NoSuchMailbox("carol@example.test".into()));
    }

    #[test]
    fn no_local_part_leaves_its_folder() {
        for (name, expected) in [
            ("alice", "alice"),
            ("first.last+tag", "first.last+tag"),
            ("..", "%2E."),
            (".hidden", "%2Ehidden"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            ("a b", "a%20b"),
            ("100%", "100%25"),
            ("δοκιμή", "δοκιμή"),
        ] {
            assert_eq!(path_component(name), expected);
        }
    }
}
