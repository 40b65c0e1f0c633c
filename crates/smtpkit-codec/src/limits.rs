//! Every size that the codec knows, by name (RFC 5321 §4.5.3.1).
//!
//! A size on the wire counts octets and includes the CRLF of a line. Limits that the
//! RFC sets as a minimum that everyone must accept are widened here where real peers
//! need it, and the comment says why. No other module of the workspace invents a size
//! of its own.

/// Longest command line that is read (RFC 5321 §4.5.3.1.4 asks for 512; every
/// extension of MAIL and RCPT adds to it, all of them together less than 4,096).
pub const COMMAND_LINE_OCTETS: usize = 4096;

/// Longest line inside an AUTH exchange (RFC 4954 §4 asks for 12,288).
pub const AUTH_LINE_OCTETS: usize = 12_288;

/// Longest reply line that is sent (RFC 5321 §4.5.3.1.5).
pub const REPLY_LINE_OCTETS: usize = 512;

/// Longest reply line that is accepted: servers that overrun 512 octets exist.
pub const REPLY_LINE_OCTETS_ACCEPTED: usize = 4096;

/// Most lines that one reply may have: an endless reply is an attack.
pub const REPLY_LINES_MAX: usize = 512;

/// Most octets that one reply may have, all lines together.
pub const REPLY_OCTETS_ACCEPTED: usize = 65_536;

/// Longest local-part (RFC 5321 §4.5.3.1.1).
pub const LOCAL_PART_OCTETS: usize = 64;

/// Longest domain (RFC 5321 §4.5.3.1.2).
pub const DOMAIN_OCTETS: usize = 255;

/// Longest label of a domain (RFC 1035 §2.3.4).
pub const DOMAIN_LABEL_OCTETS: usize = 63;

/// Longest reverse-path or forward-path, angle brackets included (RFC 5321 §4.5.3.1.3).
pub const PATH_OCTETS: usize = 256;

/// Longest line of content (RFC 5321 §4.5.3.1.6), for those who make content.
/// The decoder has no line limit: it never buffers a line.
pub const TEXT_LINE_OCTETS: usize = 1000;

/// Longest ENVID value after xtext decoding (RFC 3461 §4.4).
pub const ENVID_OCTETS: usize = 100;

/// Longest ORCPT value, address type included (RFC 3461 §4.2).
pub const ORCPT_OCTETS: usize = 500;

/// Longest line of a trace field, where the encoder folds (RFC 5322 §2.1.1).
pub const FIELD_LINE_OCTETS: usize = 78;

/// Most parameters of one MAIL or RCPT: more than all registered ones together.
pub const PARAMETERS_MAX: usize = 64;

/// Parameters of one MAIL or RCPT that this crate does not know; more are an error. Keeps the
/// search for repeated ones linear.
pub const UNKNOWN_PARAMETERS_MAX: usize = 32;
