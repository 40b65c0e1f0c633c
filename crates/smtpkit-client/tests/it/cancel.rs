//! Sends that are dropped at every await: the next one is never spoiled, and nothing is accepted by mistake.

use smtpkit_client::{AsyncStream, BoxFuture, Client, Connect, Envelope, PoolLimits};
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

/// A small honest server in memory; keeps every content that it has accepted.
#[derive(Clone, Default)]
struct Memory {
    accepted: Arc<Mutex<Vec<String>>>,
    wrong: Arc<AtomicUsize>,
}

impl Connect for Memory {
    fn connect<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Box<dyn AsyncStream>>> {
        // A small pipe, so that a send has many awaits.
        let (client, server) = tokio::io::duplex(24);
        let memory = self.clone();
        tokio::spawn(async move {
            // The client may go at any time.
            let _ = memory.serve(server).await;
        });
        Box::pin(async { Ok(Box::new(client) as Box<dyn AsyncStream>) })
    }
}

impl Memory {
    async fn serve(&self, stream: DuplexStream) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 mx.test\r\n").await?;
        let mut line = String::new();
        loop {
            line.clear();
            stream.read_line(&mut line).await?;
            if !line.ends_with('\n') {
                return Ok(());
            }
            let reply = match line.get(..4) {
                Some("EHLO") => "250-mx.test\r\n250 PIPELINING\r\n",
                Some("MAIL" | "RCPT") => "250 ok\r\n",
                Some("DATA") => "354 go\r\n",
                Some("QUIT") => "221 bye\r\n",
                _ => {
                    self.wrong.fetch_add(1, Ordering::Relaxed);
                    "500 what?\r\n"
                }
            };
            stream.write_all(reply.as_bytes()).await?;
            if reply.starts_with("354") {
                let mut content = String::new();
                while !content.ends_with(".\r\n") {
                    if stream.read_line(&mut content).await? == 0 {
                        return Ok(());
                    }
                }
                self.accepted.lock().expect("no panic").push(content);
                stream.write_all(b"250 ok\r\n").await?;
            }
            stream.flush().await?;
        }
    }
}

/// Polls `future` up to `polls` times, letting everything else run in between; `None` if it was dropped unfinished.
async fn dropped_after<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

#[tokio::test]
async fn a_dropped_send_never_spoils_the_next() {
    let memory = Memory::default();
    let url = "smtp://mx.test?tls=off".parse().expect("a URL");
    let limits = PoolLimits { connections_max: 1, ..PoolLimits::default() };
    let client = Client::builder(url).hello_name("client.test").pool(limits).connector(memory.clone());
    let client = client.build().expect("a client");
    let envelope = Envelope::new("a@x.test", ["b@y.test"]).expect("addresses");
    let (mut finished, mut dropped) = (0, 0);
    for round in 0..1_000 {
        let body = format!("dropped {round}, a line that is long enough for several writes\r\n");
        match dropped_after(client.send(&envelope, body), round % 61).await {
            Some(outcome) => {
                outcome.expect("an honest server");
                finished += 1;
            }
            None => dropped += 1,
        }
        let body = format!("kept {round}\r\n");
        client.send(&envelope, body.clone()).await.expect("never spoiled");
        let accepted = memory.accepted.lock().expect("no panic");
        assert!(accepted.last().is_some_and(|last| last.starts_with(&body)), "round {round}: {accepted:?}");
    }
    assert!(finished > 100 && dropped > 100, "{finished} finished, {dropped} dropped");
    assert_eq!(memory.wrong.load(Ordering::Relaxed), 0, "a command was out of step");
}
