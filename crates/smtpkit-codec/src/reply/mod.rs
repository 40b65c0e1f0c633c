//! Replies (RFC 5321 §4.2): codes, enhanced status codes, text of one or more lines.
//!
//! [`Reply`] is what a server says and what people store; [`ReplyRef`] is the view of one
//! that [`ReplyDecoder`] found in received octets, without an allocation. Neither can hold
//! CR, LF or NUL inside a line, and a [`Reply`] is within the line limit when it is made.

mod code;
mod decoder;
mod enhanced;
mod owned;
mod stored;
mod view;

pub use code::{ReplyCode, Severity};
pub use decoder::{BadReply, ReplyDecoder, ReplyStep};
pub use enhanced::{BadEnhancedStatusCode, EnhancedStatusCode, StatusClass};
pub use owned::{Reply, ReplyError};
pub use view::ReplyRef;
