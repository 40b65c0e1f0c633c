//! SCRAM (RFC 5802, RFC 7677): both sides prove that they know the password, and neither sends it.
//!
//! ```text
//! C: n,,n=user,r=<nonce>                        client-first      "n": no channel binding; "y": you offered none; "p=…": bound
//! S: r=<nonce><nonce>,s=<salt>,i=<iterations>   server-first
//! C: c=<header+data>,r=<both>,p=<proof>         client-final
//! S: v=<signature>                              server-final      in SMTP a 334, answered with an empty response, then 235
//! ```
//!
//! One implementation serves six mechanisms: three hash functions, each with and without binding to the TLS channel.

pub(super) mod client;
mod hash;
mod message;
pub(super) mod server;

pub use hash::ScramHash;

/// With or without channel binding.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Bare(ScramHash),
    Plus(ScramHash),
}

impl Form {
    fn hash(self) -> ScramHash {
        match self {
            Self::Bare(hash) | Self::Plus(hash) => hash,
        }
    }
}

/// ClientProof and ClientKey turn into each other with the ClientSignature (RFC 5802 §3).
fn xor(left: &[u8], right: &[u8]) -> crate::Secret {
    left.iter().zip(right).map(|(a, b)| a ^ b).collect::<Vec<u8>>().into()
}

#[cfg(test)]
mod tests;
