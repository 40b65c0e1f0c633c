//! Message content on the wire after DATA (RFC 5321 §4.1.1.4, §4.5.2).
//!
//! Three guarantees, which together make SMTP smuggling impossible:
//!
//! - [`DataDecoder`] ends the content at CRLF.CRLF and at nothing else;
//! - [`DataEncoder`] lets no bare CR, bare LF or NUL onto the wire, so that no receiver,
//!   however lax, can see an end that is not there;
//! - [`Clean`] says in the type that content was checked, once, for good.
//!
//! Nothing is copied: decoder and encoder hand out pieces of what they were given.

mod clean;
mod decoder;
mod encoder;
mod scan;

pub(crate) use clean::first_bare;
pub use clean::{BareOctet, Clean, Unclean, normalise};
pub use decoder::{BodyStep, DataDecoder};
pub use encoder::{CleanSegments, DataEncoder, Segment, Segments};
pub use scan::is_ascii;
