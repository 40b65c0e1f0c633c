//! Final delivery into a Maildir: the trace fields on top, then the content without a Return-Path that came with it.
//!
//! Return-Path stands there exactly once and first (RFC 5321 §4.4). Delivered-To names the mailbox; mail that comes back
//! with it has gone round in a circle. Every call blocks on the disk.

use std::io;
use std::path::PathBuf;

use smtpkit_codec::trace;
use smtpkit_codec::{Encode as _, ReversePath};
use smtpkit_queue::ContentReader;
use smtpkit_server::maildir::{Incoming, Maildir};

use crate::header_pass::HeaderPass;

const PIECE_OCTETS: usize = 256 * 1024;

/// One delivery.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) folder: PathBuf,
    pub(crate) reverse_path: ReversePath,
    /// What Delivered-To says.
    pub(crate) mailbox: String,
    pub(crate) content: ContentReader,
}

impl Delivery {
    /// Returns when the message lies synced in the mailbox.
    pub(crate) fn run(self) -> io::Result<()> {
        let maildir = Maildir::create(self.folder)?;
        let mut incoming = Incoming::begin(&maildir)?;
        let mut head = trace::ReturnPath::new(self.reverse_path.as_ref()).to_vec();
        head.extend_from_slice(format!("Delivered-To: {}\r\n", self.mailbox).as_bytes());
        let mut header = HeaderPass::delivering();
        let mut offset = 0;
        loop {
            let piece = self.content.chunk(offset, PIECE_OCTETS)?;
            if piece.is_empty() {
                break;
            }
            offset += piece.len() as u64;
            let rest = header.push(&piece, &mut head);
            head.extend(header.take_separator().unwrap_or_default());
            incoming.write(&head)?;
            head.clear();
            incoming.write(rest)?;
        }
        header.finish(&mut head);
        incoming.write(&head)?;
        incoming.deliver(&[maildir])
    }
}
