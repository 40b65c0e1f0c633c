//! Names inside comma-separated messages: `saslname` (RFC 5801 §4, RFC 5802 §7).
//!
//! ```abnf
//! saslname = 1*(value-safe-char / "=2C" / "=3D")     ; everything but NUL, "," and "="
//! ```

/// Whether a name can be written at all.
pub(super) fn is_saslname(name: &str) -> bool {
    !name.is_empty() && !name.contains('\0')
}

/// Writes `,` and `=` as their escapes.
pub(super) fn escape(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// Reads the escapes; any other use of `=` is an error.
pub(super) fn unescape(name: &str) -> Result<String, &'static str> {
    let mut pieces = name.split('=');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (character, rest) = match (piece.strip_prefix("2C"), piece.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            (None, None) => return Err("bad escape in a name"),
        };
        plain.push(character);
        plain.push_str(rest);
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_round_trip() {
        for (plain, escaped) in [("user", "user"), ("a,b", "a=2Cb"), ("=2C", "=3D2C"), (",=", "=2C=3D")] {
            assert_eq!(escape(plain), escaped);
            assert_eq!(unescape(escaped).as_deref(), Ok(plain));
        }
        for wrong in ["=", "a=", "=2", "=2c", "=41"] {
            assert!(unescape(wrong).is_err(), "{wrong}");
        }
    }
}
