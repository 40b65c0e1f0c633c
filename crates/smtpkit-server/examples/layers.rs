//! Three layers in front of a server that discards: a log, a limit for each recipient, and a greylist.
#![expect(clippy::print_stdout, reason = "the log is what it shows")]

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use smtpkit_server::*;

struct Discard;

impl Session for Discard {
    async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, _: Grant<'a>) -> Decision<'a> {
        Ok(Route::local())
    }
    async fn message(&mut self, _: &Peer, _: &Transaction, body: &mut Body<'_>) -> Verdict {
        body.discard().await?;
        Ok(accepted())
    }
}

/// Tells what became of each message.
struct Log;

impl Layer for Log {
    async fn decided(&mut self, peer: &Peer, tx: &Transaction, replies: &[&Reply]) {
        for reply in replies {
            println!("{} {} {}: {reply}", peer.session_id(), tx.id(), tx.reverse_path());
        }
    }
}

/// So many messages for each recipient, by all clients together, since the server was started.
#[derive(Clone, Default)]
struct Quota(Arc<Mutex<HashMap<String, u32>>>);

impl Layer for Quota {
    async fn rcpt(&mut self, _: &Peer, _: &Transaction, recipient: &Recipient) -> Result<(), Refusal> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(recipient.to_string()).or_default();
        *count += 1;
        if *count > 100 { Err(Refusal::storage_full()) } else { Ok(()) }
    }
}

/// Strangers come again a minute later; spam software does not (RFC 6647).
#[derive(Clone, Default)]
struct Greylist {
    waiting: Arc<Mutex<HashMap<String, Instant>>>,
    known: Arc<Mutex<HashSet<String>>>,
}

impl Layer for Greylist {
    async fn rcpt(&mut self, peer: &Peer, tx: &Transaction, to: &Recipient) -> Result<(), Refusal> {
        let stranger = format!("{:?} {} {to}", peer.ip(), tx.reverse_path());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let since = *waiting.entry(stranger.clone()).or_insert_with(Instant::now);
        if known.contains(&stranger) || since.elapsed() >= Duration::from_secs(60) {
            waiting.remove(&stranger);
            known.insert(stranger);
            return Ok(());
        }
        Err(Refusal::try_later())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (quota, greylist) = (Quota::default(), Greylist::default());
    let handler =
        each(|_| Discard).layer(move |_| greylist.clone()).layer(move |_| quota.clone()).layer(|_| Log);
    let server = Server::mx("mx.example.test", LocalDomains::new(["example.test"])?, handler);
    server.bind("127.0.0.1:2525".parse()?).await?.serve(CancellationToken::new()).await;
    Ok(())
}
