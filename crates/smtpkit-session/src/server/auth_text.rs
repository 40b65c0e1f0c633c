//! What a client says inside an AUTH exchange: base64 text that may hold a password.

use alloc::string::String;

use zeroize::Zeroizing;

/// A line of an AUTH exchange as it came over the wire (RFC 4954 §4): base64 that has not been decoded.
///
/// It may hold a password, so nothing formats it and it is wiped when dropped.
///
/// ```compile_fail
/// fn log(text: smtpkit_session::server::AuthText) {
///     println!("{text:?}");
/// }
/// ```
pub struct AuthText(Zeroizing<String>);

impl AuthText {
    pub(super) fn new(text: &str) -> Self {
        Self(Zeroizing::new(String::from(text)))
    }

    /// The text, for the decoder of the exchange and nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
