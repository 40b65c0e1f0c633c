//! Sender Rewriting Scheme: forwarded mail keeps a reverse-path that is ours, so that SPF at the destination passes and
//! reports still find their way back.
//!
//! ```abnf
//! srs0 = "SRS0=" hash "=" day "=" domain "=" local-part            "@" our-domain
//! srs1 = "SRS1=" hash "=" first-forwarder "=" rest-of-its-local-part    "@" our-domain
//! hash = 6base32                 ; HMAC-SHA-256 over what follows it, in lower case
//! day  = 2base32                 ; days since 1970, modulo 1024
//! ```
//!
//! Mail to such an address is taken only if a key of ours signed it, at most [`DAYS_MAX`] days ago, so it opens no relay.
//! The first key signs, all verify: add a new one in front, and drop the old one when its addresses have expired.
//! A sender whose rewritten local part would be longer than 64 octets cannot be rewritten, and says so.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use smtpkit_auth::Secret;
use smtpkit_codec::address::{Mailbox, MailboxRef};

/// How long an address of ours is good for reports: 21 days, more than any give-up time in use.
pub const DAYS_MAX: u64 = 21;
/// A key has at least this many octets.
const KEY_OCTETS_MIN: usize = 16;
const HASH_CHARACTERS: usize = 6;
const TAG_OCTETS: usize = "SRS0".len();
const DAYS_CYCLE: u64 = 1024;
/// RFC 4648 §6, in lower case: survives software that changes the case of local parts.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The keys that addresses are signed with. They cannot be formatted.
///
/// ```
/// use smtpkit_relay::SrsKeys;
/// use smtpkit_auth::Secret;
///
/// let keys = SrsKeys::new([Secret::new(*b"sixteen octets..")])?;
/// let rewritten = keys.rewrite("ada@sender.test".parse::<smtpkit_codec::address::Mailbox>()?.as_ref(), "us.test", 20_000)?;
/// assert!(rewritten.as_str().starts_with("SRS0="));
/// assert_eq!(keys.restore(rewritten.as_ref(), 20_001)?.as_str(), "ada@sender.test");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SrsKeys(Vec<Secret>);

/// Why an address was not rewritten, or not restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SrsError {
    /// No key, or one of fewer than 16 octets.
    #[error("SRS needs a key of at least {KEY_OCTETS_MIN} octets")]
    Key,
    /// The rewritten address would break a limit of RFC 5321 §4.5.3.1.
    #[error("the address is too long to be rewritten")]
    TooLong,
    /// The address is none of this scheme.
    #[error("not an SRS address")]
    NotSrs,
    /// No key of ours made it.
    #[error("the SRS address was not made here")]
    Forged,
    /// It is too old.
    #[error("the SRS address has expired")]
    Expired,
}

impl SrsKeys {
    /// The first key signs, all verify.
    ///
    /// # Errors
    /// [`SrsError::Key`] without a key, or if one is too short to be safe.
    pub fn new(keys: impl IntoIterator<Item = Secret>) -> Result<Self, SrsError> {
        let keys: Vec<Secret> = keys.into_iter().collect();
        let good = !keys.is_empty() && keys.iter().all(|key| key.len() >= KEY_OCTETS_MIN);
        if good { Ok(Self(keys)) } else { Err(SrsError::Key) }
    }

    /// Whether `mailbox` looks like an address of this scheme.
    #[must_use]
    pub fn is_srs(mailbox: MailboxRef<'_>) -> bool {
        let local_part = mailbox.local_part().unquoted();
        split_tag(&local_part).is_some()
    }

    /// The address at `domain` that stands for `sender`; `day` counts from 1970.
    ///
    /// # Errors
    /// [`SrsError::TooLong`] if no valid address comes out.
    pub fn rewrite(&self, sender: MailboxRef<'_>, domain: &str, day: u64) -> Result<Mailbox, SrsError> {
        let local_part = sender.local_part().unquoted();
        let (tag, signed) = match split_tag(&local_part) {
            // somebody rewrote it before: only the address of the first forwarder is kept
            Some((Tag::Srs0, _)) => {
                // with the separator that the first forwarder chose
                let opaque = local_part.get(TAG_OCTETS..).unwrap_or_default();
                ("SRS1", format!("{}={opaque}", sender.domain_text()))
            }
            Some((Tag::Srs1, rest)) => {
                let (_, kept) = rest.split_once(SEPARATORS).ok_or(SrsError::NotSrs)?;
                ("SRS1", kept.to_owned())
            }
            None => {
                let day = base32(day % DAYS_CYCLE, 2);
                ("SRS0", format!("{day}={}={local_part}", sender.domain_text()))
            }
        };
        let key = self.0.first().ok_or(SrsError::Key)?;
        let rewritten = format!("{tag}={}={signed}", hash(key, &signed));
        Mailbox::from_parts(&rewritten, domain).map_err(|_| SrsError::TooLong)
    }

    /// The address that `rewritten` stands for, one step back.
    ///
    /// # Errors
    /// If it is none of this scheme, was not made with a key of ours, or is too old.
    pub fn restore(&self, rewritten: MailboxRef<'_>, day: u64) -> Result<Mailbox, SrsError> {
        let local_part = rewritten.local_part().unquoted();
        let (tag, rest) = split_tag(&local_part).ok_or(SrsError::NotSrs)?;
        let (given, signed) = rest.split_once(SEPARATORS).ok_or(SrsError::NotSrs)?;
        let is_ours = |key: &Secret| {
            let expected = Secret::new(hash(key, signed).into_bytes());
            expected.constant_time_eq(given.to_ascii_lowercase().as_bytes())
        };
        if !self.0.iter().any(is_ours) {
            return Err(SrsError::Forged);
        }
        let original = match tag {
            Tag::Srs0 => {
                let mut fields = signed.splitn(3, '=');
                let (Some(made), Some(domain), Some(local_part)) =
                    (fields.next(), fields.next(), fields.next())
                else {
                    return Err(SrsError::NotSrs);
                };
                let age = (day % DAYS_CYCLE + DAYS_CYCLE - from_base32(made)?) % DAYS_CYCLE;
                if age > DAYS_MAX {
                    return Err(SrsError::Expired);
                }
                Mailbox::from_parts(local_part, domain)
            }
            Tag::Srs1 => {
                let (first, opaque) = signed.split_once('=').ok_or(SrsError::NotSrs)?;
                Mailbox::from_parts(&format!("SRS0{opaque}"), first)
            }
        };
        original.map_err(|_| SrsError::NotSrs)
    }
}

/// What may stand between tag, hash and rest; others use all three.
const SEPARATORS: [char; 3] = ['=', '-', '+'];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Srs0,
    Srs1,
}

/// The tag of a local part, and what follows its separator.
fn split_tag(local_part: &str) -> Option<(Tag, &str)> {
    let (tag, rest) = local_part.split_at_checked(TAG_OCTETS)?;
    let tag = match tag {
        tag if tag.eq_ignore_ascii_case("SRS0") => Tag::Srs0,
        tag if tag.eq_ignore_ascii_case("SRS1") => Tag::Srs1,
        _ => return None,
    };
    rest.strip_prefix(SEPARATORS).map(|rest| (tag, rest))
}

fn hash(key: &Secret, signed: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose())
        .expect("invariant: HMAC takes a key of any length (RFC 2104 §2)");
    mac.update(signed.to_lowercase().as_bytes());
    let number =
        mac.finalize().into_bytes().iter().take(8).fold(0, |sum, octet| (sum << 8) | u64::from(*octet));
    base32(number, HASH_CHARACTERS)
}

/// The lowest `characters` × 5 bits, highest first.
fn base32(number: u64, characters: usize) -> String {
    let digit = |place: usize| {
        let value = usize::try_from((number >> (5 * place)) & 31).unwrap_or_default();
        ALPHABET.get(value).map_or('a', |octet| char::from(*octet))
    };
    (0..characters).rev().map(digit).collect()
}

fn from_base32(text: &str) -> Result<u64, SrsError> {
    text.bytes().try_fold(0_u64, |sum, octet| {
        let digit =
            ALPHABET.iter().position(|known| *known == octet.to_ascii_lowercase()).ok_or(SrsError::NotSrs)?;
        sum.checked_mul(32)
            .and_then(|sum| sum.checked_add(u64::try_from(digit).ok()?))
            .filter(|sum| *sum < DAYS_CYCLE)
            .ok_or(SrsError::NotSrs)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> SrsKeys {
        SrsKeys::new(names.iter().map(|name| Secret::new(format!("{name:.<16}")))).unwrap()
    }

    fn mailbox(text: &str) -> Mailbox {
        text.parse().unwrap()
    }

    #[test]
    fn a_rewritten_address_comes_back() {
        let keys = keys(&["one"]);
        for sender in ["ada@sender.test", "a=b+c-d@x.test", "\"a b\"@x.test", "ada@[192.0.2.1]"] {
            let rewritten = keys.rewrite(mailbox(sender).as_ref(), "us.test", 20_000).unwrap();
            assert_eq!(rewritten.as_ref().domain_text(), "us.test");
            assert_eq!(
                keys.restore(rewritten.as_ref(), 20_000 + DAYS_MAX).unwrap(),
                mailbox(sender),
                "{rewritten}"
            );
        }
    }

    #[test]
    fn the_second_forwarder_answers_the_first_one() {
        let (first, second, third) = (keys(&["one"]), keys(&["two"]), keys(&["three"]));
        let srs0 = first.rewrite(mailbox("ada@sender.test").as_ref(), "one.test", 20_000).unwrap();
        let srs1 = second.rewrite(srs0.as_ref(), "two.test", 20_000).unwrap();
        assert!(srs1.as_str().starts_with("SRS1="), "{srs1}");
        assert_eq!(second.restore(srs1.as_ref(), 20_000).unwrap(), srs0);
        let again = third.rewrite(srs1.as_ref(), "three.test", 20_000).unwrap();
        assert_eq!(third.restore(again.as_ref(), 20_000).unwrap(), srs0, "the middle one is skipped");
    }

    #[test]
    fn only_our_own_addresses_are_restored_and_only_for_a_while() {
        let ours = keys(&["one"]);
        let good = ours.rewrite(mailbox("ada@sender.test").as_ref(), "us.test", 20_000).unwrap();
        let check = |address: &str, day: u64, expected: SrsError| {
            assert_eq!(
                ours.restore(mailbox(address).as_ref(), day).unwrap_err(),
                expected,
                "{address} on {day}"
            );
        };
        check(good.as_str(), 20_000 + DAYS_MAX + 1, SrsError::Expired);
        check(good.as_str(), 19_999, SrsError::Expired);
        check(&good.as_str().replace("ada", "eve"), 20_000, SrsError::Forged);
        check("SRS0=aaaaaa=aa=sender.test=ada@us.test", 20_000, SrsError::Forged);
        check("SRS0=x@us.test", 20_000, SrsError::NotSrs);
        check("ada@us.test", 20_000, SrsError::NotSrs);
        assert!(
            ours.restore(mailbox(&good.as_str().to_lowercase()).as_ref(), 20_000).is_ok(),
            "case does not matter"
        );
    }

    #[test]
    fn keys_rotate() {
        let old = keys(&["old"]);
        let both = keys(&["new", "old"]);
        let made = old.rewrite(mailbox("ada@sender.test").as_ref(), "us.test", 20_000).unwrap();
        assert!(both.restore(made.as_ref(), 20_001).is_ok());
        let anew = both.rewrite(mailbox("ada@sender.test").as_ref(), "us.test", 20_000).unwrap();
        assert_eq!(old.restore(anew.as_ref(), 20_000), Err(SrsError::Forged));
        assert_eq!(SrsKeys::new([]).err(), Some(SrsError::Key));
        assert_eq!(SrsKeys::new([Secret::new("short")]).err(), Some(SrsError::Key));
    }

    #[test]
    fn what_does_not_fit_says_so() {
        let long = format!("{}@sender.test", "a".repeat(60));
        let error = keys(&["one"]).rewrite(mailbox(&long).as_ref(), "us.test", 20_000).unwrap_err();
        assert_eq!(error, SrsError::TooLong);
    }
}
