//! Speaks to a server in the same process, over a pipe in memory instead of a socket.

use smtpkit_client::{AsyncStream, BoxFuture, Client, Connect, Envelope};
use std::error::Error;
use std::io::{self, Write};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

/// Every connection is a pipe with a tiny server at its other end.
struct InMemory;

impl Connect for InMemory {
    fn connect<'a>(&'a self, _host: &'a str, _port: u16) -> BoxFuture<'a, io::Result<Box<dyn AsyncStream>>> {
        Box::pin(async {
            let (client, server) = tokio::io::duplex(4096);
            tokio::spawn(serve(server));
            Ok(Box::new(client) as Box<dyn AsyncStream>)
        })
    }
}

/// Answers as a server that takes everything.
async fn serve(stream: DuplexStream) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 memory.test\r\n").await?;
    let (mut line, mut is_content) = (String::new(), false);
    while stream.read_line(&mut line).await? > 0 {
        let reply = match (is_content, line.trim_end()) {
            (true, ".") => "250 taken\r\n",
            (true, _) => "",
            (false, "DATA") => "354 go\r\n",
            (false, _) => "250 ok\r\n",
        };
        is_content = reply.starts_with("354") || (is_content && reply.is_empty());
        stream.write_all(reply.as_bytes()).await?;
        line.clear();
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::builder("smtp://memory.test?tls=off".parse()?).connector(InMemory).build()?;
    let report = client.send(&Envelope::new("alice@x.test", ["bob@y.test"])?, "Hello\r\n").await?;
    writeln!(io::stdout(), "{:?}", report.reply().map(ToString::to_string))?;
    Ok(())
}
