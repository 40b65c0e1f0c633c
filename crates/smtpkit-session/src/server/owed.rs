//! The token of a reply that is owed: linear, so that every command gets one reply of the right kind.

use core::fmt;
use core::marker::PhantomData;

/// A reply that the caller owes for an event of kind `K`.
///
/// It cannot be cloned; the answer method of its kind takes it. While it is unanswered the machine neither reads nor
/// goes on, so forgetting it cannot put replies out of order. A token whose session was closed meanwhile
/// ([`Server::close`](super::Server::close)) answers nothing.
///
/// ```compile_fail
/// use smtpkit_session::server::{Owed, owed_for};
///
/// fn twice(owed: Owed<owed_for::Rcpt>) -> (Owed<owed_for::Rcpt>, Owed<owed_for::Rcpt>) {
///     (owed.clone(), owed)
/// }
/// ```
#[must_use = "the peer waits for this reply"]
pub struct Owed<K>(PhantomData<fn(K)>);

impl<K> Owed<K> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<K> fmt::Debug for Owed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Owed")
    }
}

/// The kinds of [`Owed`].
pub mod owed_for {
    macro_rules! kinds {
        ($($(#[$doc:meta])* $kind:ident)*) => {$(
            $(#[$doc])*
            #[derive(Debug)]
            #[expect(clippy::exhaustive_enums, reason = "a mark for the type system, without values")]
            pub enum $kind {}
        )*};
    }
    kinds! {
        /// The greeting: [`Server::greet`](crate::server::Server::greet).
        Greeting
        /// EHLO, HELO or LHLO: [`Server::hello`](crate::server::Server::hello).
        Hello
        /// STARTTLS: [`Server::start_tls`](crate::server::Server::start_tls).
        StartTls
        /// One step of an AUTH exchange: [`Server::auth_challenge`](crate::server::Server::auth_challenge) and its kin.
        Auth
        /// MAIL: [`Server::mail`](crate::server::Server::mail).
        Mail
        /// RCPT: [`Server::rcpt`](crate::server::Server::rcpt).
        Rcpt
        /// DATA or the first BDAT: [`Server::content`](crate::server::Server::content).
        Data
        /// The end of the content: [`Server::message`](crate::server::Server::message).
        Message
        /// XCLIENT or XFORWARD: [`Server::proxied`](crate::server::Server::proxied).
        Proxy
    }
}
