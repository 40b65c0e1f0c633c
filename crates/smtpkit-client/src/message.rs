//! Messages that were built: their content, and the envelope that their header asks for.

use crate::content::Content;
use crate::error::{ErrorKind, SendError, Stage};
use smtpkit_codec::address::{ForwardPath, ReversePath};
use smtpkit_codec::extension::Body;
use smtpkit_codec::{Envelope, MailParameters, Recipient};
use smtpkit_mime::HopCapabilities;
use smtpkit_mime::build::Message;
use std::io::{self, Read};

/// Pulled while it is sent, so attachments cost no memory. Its Bcc was left out when it was built.
impl From<Message<'static>> for Content {
    fn from(message: Message<'static>) -> Self {
        let size = message.size_estimate();
        let content = Self::blocking_reader(Pulled { message, piece: Vec::new(), at: 0 });
        match size {
            Some(size) => content.with_size(size),
            None => content,
        }
    }
}

/// The envelope that the header of a message asks for: from its Sender or first From, to all that To, Cc and Bcc name
/// (RFC 5321 §B), with what its content needs of the server.
///
/// # Errors
/// [`ErrorKind::Unsupported`] if nobody is named, or somebody by an address that SMTP does not have.
pub(crate) fn envelope_of(message: &Message<'_>) -> Result<Envelope, SendError> {
    let unusable = |what: String| SendError::new(ErrorKind::Unsupported, Stage::Mail, what);
    let addresses = message.envelope_addresses();
    let reverse_path = match addresses.reverse_path() {
        Some(address) => address.as_str().parse().map_err(|error| unusable(format!("{address}: {error}")))?,
        None => ReversePath::null(),
    };
    let mut recipients = Vec::with_capacity(addresses.recipients().len());
    for address in addresses.recipients() {
        let path: ForwardPath =
            address.as_str().parse().map_err(|error| unusable(format!("{address}: {error}")))?;
        recipients.push(Recipient::from(path));
    }
    if recipients.is_empty() {
        return Err(unusable("the message names no recipient in To, Cc or Bcc".to_owned()));
    }
    let mut parameters = MailParameters::default();
    if message.needs().covers(HopCapabilities::EIGHT_BIT) {
        parameters = parameters.with_body(Body::EightBitMime);
    }
    if message.needs().covers(HopCapabilities::SMTPUTF8) {
        parameters = parameters.with_smtputf8();
    }
    Ok(Envelope { reverse_path, parameters, recipients })
}

/// A message that is pulled, as something that is read.
struct Pulled {
    message: Message<'static>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Pulled {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            let Some(piece) = self.message.next_piece()? else { return Ok(0) };
            self.piece.clear();
            self.piece.extend_from_slice(piece);
            self.at = 0;
        }
        let mut rest = self.piece.get(self.at..).unwrap_or_default();
        let read = rest.read(buffer)?;
        self.at += read;
        Ok(read)
    }
}
