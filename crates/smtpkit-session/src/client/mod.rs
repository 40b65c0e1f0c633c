//! The sending side.
