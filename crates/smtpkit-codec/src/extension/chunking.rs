//! CHUNKING: content in counted chunks (RFC 3030).

use crate::grammar::{Fault, Parsed, token};
use crate::syntax_error::Expected;

/// The `BDAT` command (RFC 3030 §2): so many octets of content follow its line.
///
/// ```
/// use smtpkit_codec::{Bdat, Command, Line};
///
/// let command = Command::parse(Line::new("BDAT 86 LAST").unwrap())?;
/// assert_eq!(command, Command::Bdat(Bdat { size: 86, last: true }));
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bdat {
    /// How many octets follow.
    pub size: u64,
    /// Is it the last chunk of the content?
    pub last: bool,
}

/// ```abnf
/// bdat-cmd   = "BDAT" SP chunk-size [ SP end-marker ] CR LF    ; RFC 3030 §2
/// chunk-size = 1*DIGIT
/// end-marker = "LAST"
/// ```
/// Takes what follows "BDAT" and its space, to the end of the line.
#[inline]
pub(crate) fn bdat(input: &str) -> Parsed<'_, Bdat> {
    let (rest, size) = token::number(Expected::Number)(input)?;
    if rest.is_empty() {
        return Ok((rest, Bdat { size, last: false }));
    }
    let marker = token::skip_spaces(rest);
    if marker.len() == rest.len() {
        return Err(Fault::at(rest, Expected::Number));
    }
    let (rest, ()) = token::word(b"LAST", Expected::Last)(marker)?;
    Ok((rest, Bdat { size, last: true }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::whole;

    #[test]
    fn chunks_of_rfc_3030() {
        let check = |input: &str, expected: Result<(u64, bool), (usize, Expected)>| {
            let found = whole(input, bdat).map(|bdat| (bdat.size, bdat.last));
            assert_eq!(found.map_err(|error| (error.offset(), error.expected())), expected, "{input}");
        };
        check("86", Ok((86, false)));
        check("0 LAST", Ok((0, true)));
        check("00 last", Ok((0, true)));
        check("18446744073709551615", Ok((u64::MAX, false)));
        check("18446744073709551616", Err((0, Expected::SmallerNumber)));
        check("", Err((0, Expected::Number)));
        check("-1", Err((0, Expected::Number)));
        check("8x", Err((1, Expected::Number)));
        check("8 FIRST", Err((2, Expected::Last)));
        check("8 LAST LAST", Err((6, Expected::EndOfLine)));
    }
}
