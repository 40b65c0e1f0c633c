//! SASLprep (RFC 4013): one spelling for names and passwords that look the same.
//!
//! The tables are the `stringprep` crate's. An empty result counts as a failure here, because no
//! mechanism has a use for an empty name or password.

use crate::Secret;

/// Prepares a name; `None` if a character is prohibited or nothing is left.
pub(crate) fn name(text: &str) -> Option<String> {
    stringprep::saslprep(text).ok().filter(|prepared| !prepared.is_empty()).map(Into::into)
}

/// Prepares a password; `None` if it is not UTF-8, a character is prohibited, or nothing is left.
pub(crate) fn password(password: &Secret) -> Option<Secret> {
    let prepared = stringprep::saslprep(password.expose_str()?).ok()?;
    (!prepared.is_empty()).then(|| Secret::from(prepared.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_rfc_4013_section_3() {
        fn check(input: &str, expected: Option<&str>) {
            assert_eq!(name(input).as_deref(), expected, "{input:?}");
            assert_eq!(
                password(&Secret::from(input)).as_ref().and_then(Secret::expose_str),
                expected,
                "{input:?}"
            );
        }
        check("I\u{AD}X", Some("IX"));
        check("user", Some("user"));
        check("USER", Some("USER"));
        check("\u{AA}", Some("a"));
        check("\u{2168}", Some("IX"));
        check("\u{7}", None);
        check("\u{627}1", None);
        check("\u{AD}", None);
        check("", None);
    }
}
