//! `Decoder` and `Encoder` for people who use tokio's `Framed` (feature `tokio-util`).
//!
//! One codec per side of the dialogue: [`ServerCodec`] takes commands and sends replies,
//! [`ClientCodec`] takes replies and sends commands. Content does not pass through them:
//! after DATA or BDAT take the stream apart (`Framed::into_parts`), and use
//! [`DataDecoder`](crate::DataDecoder) or [`DataEncoder`](crate::DataEncoder). They keep no
//! order of commands either; that is the business of a session.

use std::io;

use bytes::{Buf, BytesMut};
use thiserror::Error;
use tokio_util::codec::{Decoder, Encoder};

use crate::{
    BadLine, BadReply, BareNewline, Command, CommandBuf, Encode, LineDecoder, LineStep, Reply, ReplyDecoder,
    ReplyStep, SyntaxError, limits,
};

/// A line that is no command. It is an item, not an error: the peer gets a reply and the
/// dialogue goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadCommand {
    /// The octets are no line.
    #[error(transparent)]
    Line(#[from] BadLine),
    /// The line is no command.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
}

impl BadCommand {
    /// The reply that a server owes for it.
    #[must_use]
    pub const fn reply(self) -> Reply {
        match self {
            Self::Line(why) => why.reply(),
            Self::Syntax(error) => error.reply(),
        }
    }
}

/// Commands in, replies out: a server's side of the dialogue.
///
/// ```
/// use futures::{SinkExt, StreamExt};
/// use smtpkit_codec::framed::ServerCodec;
/// use smtpkit_codec::{Command, Reply, ReplyCode};
/// use tokio_util::codec::Framed;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut client, server) = tokio::io::duplex(1024);
/// tokio::io::AsyncWriteExt::write_all(&mut client, b"NOOP\r\nWHAT?\r\nQUIT\r\n").await?;
///
/// let mut framed = Framed::new(server, ServerCodec::new());
/// while let Some(command) = framed.next().await {
///     let (reply, last) = match command? {
///         Ok(command) => match command.as_ref() {
///             Command::Quit => (Reply::fixed(ReplyCode::CLOSING, None, "bye"), true),
///             _ => (Reply::fixed(ReplyCode::OK, None, "ok"), false),
///         },
///         Err(bad) => (bad.reply(), false),
///     };
///     framed.send(reply).await?;
///     if last {
///         break;
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ServerCodec {
    lines: LineDecoder,
}

impl ServerCodec {
    /// A codec for command lines of at most 4,096 octets that refuses bare newlines.
    #[must_use]
    pub const fn new() -> Self {
        Self { lines: LineDecoder::new(limits::COMMAND_LINE_OCTETS) }
    }

    /// The same codec with another policy for bare newlines.
    #[must_use]
    pub const fn with_bare_newline(mut self, bare_newline: BareNewline) -> Self {
        self.lines = self.lines.with_bare_newline(bare_newline);
        self
    }
}

impl Default for ServerCodec {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder for ServerCodec {
    type Item = Result<CommandBuf, BadCommand>;
    type Error = io::Error;

    fn decode(&mut self, buf: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        loop {
            let (item, consumed) = match self.lines.decode(buf) {
                LineStep::NeedMore => return Ok(None),
                LineStep::Skip { consumed } => (None, consumed),
                LineStep::Bad { why, consumed, .. } => (Some(Err(why.into())), consumed),
                LineStep::Line { line, consumed } => {
                    let command = Command::parse(line).map(|command| command.to_owned());
                    (Some(command.map_err(BadCommand::from)), consumed)
                }
            };
            buf.advance(consumed);
            if item.is_some() {
                return Ok(item);
            }
        }
    }

    /// A line that the end of the stream cuts off is dropped: it was never a command
    /// (RFC 5321 §4.1.1).
    fn decode_eof(&mut self, buf: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        let item = self.decode(buf)?;
        if item.is_none() {
            buf.clear();
        }
        Ok(item)
    }
}

impl Encoder<Reply> for ServerCodec {
    type Error = io::Error;

    fn encode(&mut self, reply: Reply, out: &mut BytesMut) -> io::Result<()> {
        out.reserve(reply.encoded_len());
        reply.encode(out);
        Ok(())
    }
}

/// Why a stream of replies ends early. The connection is of no use after it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientCodecError {
    /// The stream failed or ended within a reply.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server sent what is not a reply.
    #[error(transparent)]
    Reply(#[from] BadReply),
}

/// Replies in, commands out: a client's side of the dialogue.
///
/// ```
/// use bytes::BytesMut;
/// use smtpkit_codec::framed::ClientCodec;
/// use tokio_util::codec::Decoder;
///
/// let mut buf = BytesMut::from(&b"220 mx.example.test\r\n250-"[..]);
/// let greeting = ClientCodec::new().decode(&mut buf)?.expect("a whole reply");
/// assert_eq!(greeting.to_string(), "220 mx.example.test");
/// assert_eq!(&buf[..], b"250-");
/// # Ok::<(), smtpkit_codec::framed::ClientCodecError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ClientCodec {
    replies: ReplyDecoder,
}

impl ClientCodec {
    /// A codec before the greeting.
    #[must_use]
    pub const fn new() -> Self {
        Self { replies: ReplyDecoder::new() }
    }
}

impl Decoder for ClientCodec {
    type Item = Reply;
    type Error = ClientCodecError;

    fn decode(&mut self, buf: &mut BytesMut) -> Result<Option<Reply>, ClientCodecError> {
        let (reply, consumed) = match self.replies.decode(buf) {
            ReplyStep::NeedMore => return Ok(None),
            ReplyStep::Bad { why, .. } => return Err(why.into()),
            ReplyStep::Reply { reply, consumed } => (reply.to_owned(), consumed),
        };
        buf.advance(consumed);
        Ok(Some(reply))
    }
}

impl Encoder<CommandBuf> for ClientCodec {
    type Error = ClientCodecError;

    fn encode(&mut self, command: CommandBuf, out: &mut BytesMut) -> Result<(), ClientCodecError> {
        let command = command.as_ref();
        out.reserve(command.encoded_len());
        command.encode(out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::*;

    #[test]
    fn commands_and_faults_come_in_order_and_an_over_long_line_takes_no_room() {
        let mut codec = ServerCodec::new();
        let mut buf = BytesMut::new();
        let mut items = Vec::new();
        let wire = [b"NOOP\r\n".to_vec(), b"x".repeat(100_000), b"\r\nEHLO\r\nRSET\r\nQUI".to_vec()].concat();
        for piece in wire.chunks(1000) {
            buf.extend_from_slice(piece);
            while let Some(item) = codec.decode(&mut buf).unwrap() {
                items.push(match item {
                    Ok(command) => String::from_utf8(command.as_ref().to_vec()).unwrap(),
                    Err(bad) => bad.reply().code().to_string(),
                });
            }
            assert!(buf.len() <= limits::COMMAND_LINE_OCTETS);
        }
        assert_eq!(items, ["NOOP\r\n", "500", "501", "RSET\r\n"]);
        assert!(codec.decode_eof(&mut buf).unwrap().is_none() && buf.is_empty());
    }

    #[test]
    fn replies_come_in_order_until_one_is_bad() {
        let mut codec = ClientCodec::new();
        let mut buf = BytesMut::from(&b"250-a\r\n250 b\r\n354 go\r\n25\r\n"[..]);
        assert_eq!(codec.decode(&mut buf).unwrap().unwrap().to_string(), "250 a b");
        assert_eq!(codec.decode(&mut buf).unwrap().unwrap().to_string(), "354 go");
        let error = codec.decode(&mut buf).unwrap_err();
        assert!(matches!(error, ClientCodecError::Reply(BadReply::Code)), "{error}");
    }

    #[test]
    fn what_is_sent_is_the_wire_form() {
        let mut out = BytesMut::new();
        let reply = Reply::fixed(crate::ReplyCode::OK, None, "a\nb");
        Encoder::encode(&mut ServerCodec::new(), reply, &mut out).unwrap();
        Encoder::encode(&mut ClientCodec::new(), Command::Quit.to_owned(), &mut out).unwrap();
        assert_eq!(&out[..], b"250-a\r\n250 b\r\nQUIT\r\n");
    }
}
