//! Commands that this crate does not know.

use crate::grammar::{Class, Fault, Parsed, token, whole};
use crate::syntax_error::{Expected, SyntaxError};

use super::text::text;
use super::{Text, Verb};

/// A command with a verb that this crate does not know, kept as written. A server owes it 500
/// (RFC 5321 §4.2.4), unless it knows the verb itself.
///
/// ```
/// use smtpkit_codec::{Command, Line, Unknown};
///
/// let Ok(Command::Unknown(unknown)) = Command::parse(Line::new("XWHO am I").unwrap()) else { panic!() };
/// assert_eq!(unknown, Unknown::new("XWHO", Some("am I"))?);
/// assert_eq!((unknown.verb(), unknown.argument()), ("XWHO", Some("am I")));
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unknown<'a> {
    verb: &'a str,
    argument: Option<Text<'a>>,
}

impl<'a> Unknown<'a> {
    /// A command of another verb.
    ///
    /// # Errors
    /// If the verb is one that this crate knows, or not a word of letters, digits, "-" and "_" that
    /// begins with a letter; or if the argument is not [`Text`].
    pub fn new(verb: &'a str, argument: Option<&'a str>) -> Result<Self, SyntaxError> {
        let verb = whole(verb, verb_word)?;
        if Verb::named(verb).is_some() {
            return Err(SyntaxError::new(0, Expected::Verb));
        }
        Ok(Self { verb, argument: argument.map(Text::new).transpose()? })
    }

    /// The verb as written.
    #[must_use]
    pub const fn verb(self) -> &'a str {
        self.verb
    }

    /// What stands behind the verb.
    #[must_use]
    pub fn argument(self) -> Option<&'a str> {
        self.argument.map(Text::as_str)
    }
}

/// ```abnf
/// verb = ALPHA *(ALPHA / DIGIT / "-" / "_")
/// ```
fn verb_word(input: &str) -> Parsed<'_, &str> {
    if !input.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) {
        return Err(Fault::at(input, Expected::Verb));
    }
    token::run(Class::MECHANISM, Expected::Verb)(input)
}

/// A line that begins with no known verb; without white space at its end.
#[cold]
pub(super) fn unknown(input: &str) -> Parsed<'_, Unknown<'_>> {
    let (rest, verb) = verb_word(input)?;
    if rest.is_empty() {
        return Ok((rest, Unknown { verb, argument: None }));
    }
    if !rest.starts_with(' ') && Verb::named(verb).is_some() {
        // something else than a space, such as a tab, stands behind a known verb: with a space it does not come here
        return Err(Fault::at(rest, Expected::Space));
    }
    let argument = token::skip_spaces(rest);
    if argument.len() == rest.len() {
        return Err(Fault::at(input, Expected::Verb));
    }
    let (rest, argument) = text(argument)?;
    Ok((rest, Unknown { verb, argument: Some(argument) }))
}
