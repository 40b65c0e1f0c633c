//! The messages of SCRAM (RFC 5802 §7), read strictly.
//!
//! ```abnf
//! client-first-message         = gs2-cbind-flag "," [ "a=" saslname ] "," client-first-message-bare
//! client-first-message-bare    = "n=" saslname "," "r=" nonce ["," extensions]
//! server-first-message         = "r=" nonce "," "s=" base64 "," "i=" posit-number ["," extensions]
//! client-final-message         = "c=" base64 "," "r=" nonce ["," extensions] "," "p=" base64
//! server-final-message         = ("e=" server-error-value / "v=" base64) ["," extensions]
//! ```
//!
//! Optional extensions are skipped; a mandatory one (`m=`) is not understood by anybody yet and is refused. Errors are texts that
//! name the rule, for the peer's fault is always the same: it does not follow the grammar.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::mechanisms::saslname::unescape;

/// Why a message was refused.
pub(super) type Reason = &'static str;

/// `gs2-cbind-flag`: what the client says about channel binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BindingFlag<'a> {
    /// `n`: it cannot bind.
    Unable,
    /// `y`: it can, and thinks that the server cannot.
    NotOffered,
    /// `p=`: it binds with this type.
    Bound(&'a str),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFirst<'a> {
    pub(super) flag: BindingFlag<'a>,
    pub(super) authorization: Option<String>,
    pub(super) name: String,
    pub(super) nonce: &'a str,
    /// The gs2-header, with its last comma.
    pub(super) header: &'a str,
    /// The rest.
    pub(super) bare: &'a str,
}

impl<'a> ClientFirst<'a> {
    pub(super) fn parse(message: &'a str) -> Result<Self, Reason> {
        let (flag, rest) = message.split_once(',').ok_or("no gs2 header")?;
        let (authorization, bare) = rest.split_once(',').ok_or("no gs2 header")?;
        let flag = match flag {
            "n" => BindingFlag::Unable,
            "y" => BindingFlag::NotOffered,
            flag => BindingFlag::Bound(
                flag.strip_prefix("p=")
                    .filter(|kind| is_binding_name(kind))
                    .ok_or("bad channel binding flag")?,
            ),
        };
        let authorization = match authorization {
            "" => None,
            attribute => Some(unescape(value(attribute, "a=")?)?),
        };
        let mut attributes = attributes(bare)?;
        let name = unescape(value(attributes.next().unwrap_or_default(), "n=")?)?;
        let nonce = nonce(attributes.next().unwrap_or_default())?;
        extensions(attributes)?;
        let header = message.strip_suffix(bare).unwrap_or_default();
        Ok(Self { flag, authorization, name, nonce, header, bare })
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerFirst<'a> {
    pub(super) nonce: &'a str,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
}

impl<'a> ServerFirst<'a> {
    pub(super) fn parse(message: &'a str) -> Result<Self, Reason> {
        let mut attributes = attributes(message)?;
        let nonce = nonce(attributes.next().unwrap_or_default())?;
        let salt = base64(value(attributes.next().unwrap_or_default(), "s=")?)?;
        let iterations = value(attributes.next().unwrap_or_default(), "i=")?;
        extensions(attributes)?;
        if iterations.starts_with('0') || !iterations.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err("iteration count is not a positive number");
        }
        // a count that does not fit is out of bounds as much as the largest that does
        let iterations = iterations.parse().unwrap_or(u32::MAX);
        Ok(Self { nonce, salt, iterations })
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFinal<'a> {
    pub(super) binding: Vec<u8>,
    pub(super) nonce: &'a str,
    pub(super) proof: Vec<u8>,
    pub(super) without_proof: &'a str,
}

impl<'a> ClientFinal<'a> {
    pub(super) fn parse(message: &'a str) -> Result<Self, Reason> {
        let (without_proof, proof) = message.rsplit_once(',').ok_or("no proof")?;
        let proof = base64(value(proof, "p=")?)?;
        let mut attributes = attributes(without_proof)?;
        let binding = base64(value(attributes.next().unwrap_or_default(), "c=")?)?;
        let nonce = nonce(attributes.next().unwrap_or_default())?;
        extensions(attributes)?;
        Ok(Self { binding, nonce, proof, without_proof })
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum ServerFinal<'a> {
    Verifier(Vec<u8>),
    Error(&'a str),
}

impl<'a> ServerFinal<'a> {
    pub(super) fn parse(message: &'a str) -> Result<Self, Reason> {
        let mut attributes = attributes(message)?;
        let first = attributes.next().unwrap_or_default();
        extensions(attributes)?;
        match first.strip_prefix("e=") {
            Some(error) => Ok(Self::Error(error)),
            None => Ok(Self::Verifier(base64(value(first, "v=")?)?)),
        }
    }
}

/// Splits at the commas; a message with NUL, or with a mandatory extension in front, is refused.
fn attributes(message: &str) -> Result<std::str::Split<'_, char>, Reason> {
    if message.contains('\0') {
        return Err("NUL in a message");
    }
    if message.starts_with("m=") {
        return Err("unknown mandatory extension");
    }
    Ok(message.split(','))
}

/// `attr-val *("," attr-val)`: optional, so skipped.
fn extensions<'a>(rest: impl Iterator<Item = &'a str>) -> Result<(), Reason> {
    for attribute in rest {
        match attribute.as_bytes() {
            [b'm', b'=', ..] => return Err("unknown mandatory extension"),
            [name, b'=', _, ..] if name.is_ascii_alphabetic() => {}
            _ => return Err("bad extension"),
        }
    }
    Ok(())
}

fn value<'a>(attribute: &'a str, name: &str) -> Result<&'a str, Reason> {
    attribute
        .strip_prefix(name)
        .filter(|value| !value.is_empty())
        .ok_or("an attribute is missing or out of order")
}

fn nonce(attribute: &str) -> Result<&str, Reason> {
    let nonce = value(attribute, "r=")?;
    if nonce.bytes().all(|octet| octet.is_ascii_graphic()) {
        Ok(nonce)
    } else {
        Err("a nonce is not printable")
    }
}

fn base64(value: &str) -> Result<Vec<u8>, Reason> {
    BASE64_STANDARD.decode(value).map_err(|_| "an attribute is not base64")
}

/// `cb-name = 1*(ALPHA / DIGIT / "." / "-")`
fn is_binding_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'.' || octet == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_first_is_read_whole() {
        let parsed = ClientFirst::parse("p=tls-exporter,a=bob=2C=3D,n=us=3Der,r=abc,x=1").unwrap();
        assert_eq!(parsed.flag, BindingFlag::Bound("tls-exporter"));
        assert_eq!(parsed.authorization.as_deref(), Some("bob,="));
        assert_eq!((parsed.name.as_str(), parsed.nonce), ("us=er", "abc"));
        assert_eq!((parsed.header, parsed.bare), ("p=tls-exporter,a=bob=2C=3D,", "n=us=3Der,r=abc,x=1"));
    }

    #[test]
    fn malformed_messages_are_refused() {
        fn check<T: std::fmt::Debug>(parsed: Result<T, Reason>, expected: Reason, case: usize) {
            assert_eq!(parsed.map(|_| ()).err(), Some(expected), "case {case}");
        }
        let order = "an attribute is missing or out of order";
        for (case, (message, expected)) in [
            ("", "no gs2 header"),
            ("n", "no gs2 header"),
            ("n,", "no gs2 header"),
            ("n,,", order),
            ("q,,n=u,r=n", "bad channel binding flag"),
            ("p=,,n=u,r=n", "bad channel binding flag"),
            ("p=a_b,,n=u,r=n", "bad channel binding flag"),
            ("n,b=x,n=u,r=n", order),
            ("n,a=,n=u,r=n", order),
            ("n,,n=,r=n", order),
            ("n,,r=n,n=u", order),
            ("n,,n=u", order),
            ("n,,n=u,r=", order),
            ("n,,n=u,r=\u{e9}", "a nonce is not printable"),
            ("n,,n=u=,r=n", "bad escape in a name"),
            ("n,,n=u=2c,r=n", "bad escape in a name"),
            ("n,,m=x,n=u,r=n", "unknown mandatory extension"),
            ("n,,n=u,r=n,m=x", "unknown mandatory extension"),
            ("n,,n=u,r=n,", "bad extension"),
            ("n,,n=u,r=n,x", "bad extension"),
            ("n,,n=u\0,r=n", "NUL in a message"),
        ]
        .into_iter()
        .enumerate()
        {
            check(ClientFirst::parse(message), expected, case);
        }
        for (case, (message, expected)) in [
            ("", order),
            ("r=n,s=AA==,i=", order),
            ("r=n,s=A,i=1", "an attribute is not base64"),
            ("r=n,s=AA==,i=0", "iteration count is not a positive number"),
            ("r=n,s=AA==,i=-1", "iteration count is not a positive number"),
            ("r=n,s=AA==,i=+1", "iteration count is not a positive number"),
            ("m=x,r=n,s=AA==,i=1", "unknown mandatory extension"),
        ]
        .into_iter()
        .enumerate()
        {
            check(ServerFirst::parse(message), expected, case);
        }
        assert_eq!(ServerFirst::parse("r=n,s=AA==,i=99999999999").unwrap().iterations, u32::MAX);
        for (case, (message, expected)) in [
            ("", "no proof"),
            ("c=biws,r=n", order),
            ("c=biws,r=n,p=", order),
            ("c=biws,r=n,p=*", "an attribute is not base64"),
            ("r=n,c=biws,p=AA==", order),
            ("c=biws,r=n,p=AA==,x=1", order),
        ]
        .into_iter()
        .enumerate()
        {
            check(ClientFinal::parse(message), expected, case);
        }
        assert_eq!(ServerFinal::parse("e=invalid-proof"), Ok(ServerFinal::Error("invalid-proof")));
        assert_eq!(ServerFinal::parse("v="), Err(order));
        assert_eq!(ServerFinal::parse(""), Err(order));
    }
}
