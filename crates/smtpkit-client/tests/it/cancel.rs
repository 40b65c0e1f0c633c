//! Sends that are dropped at every await: the next one is never spoiled, and nothing is accepted by mistake.

use crate::memory::{Dice, Fault, Memory, Temper};
use smtpkit_client::{Client, Content, Delivered, Envelope, PoolLimits, Report, SendError, Transfer};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const SEEDS: u64 = 1_000;
/// Nothing in memory takes as long; it makes a failure of what would otherwise hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// One seed: a server, a client, and what they send.
struct World {
    memory: Memory,
    client: Client,
    envelope: Envelope,
    /// Messages in one go; one is sent without a batch.
    batch: usize,
    is_streamed: bool,
    filler: String,
    fault: Option<(usize, Fault)>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let temper = Temper {
            wire_octets: 8 + dice.below(40),
            is_lmtp: dice.below(4) == 0,
            pipelines: dice.coin(),
            takes_chunks: dice.coin(),
        };
        let memory = Memory::new(temper);
        let url = if temper.is_lmtp { "lmtp://mx.test:24?tls=off" } else { "smtp://mx.test?tls=off" };
        let limits = PoolLimits { connections_max: 1, ..PoolLimits::default() };
        let transfer = if temper.takes_chunks { Transfer::Chunks } else { Transfer::Data };
        let builder = Client::builder(url.parse().expect("a URL")).hello_name("client.test").pool(limits);
        let builder = builder.transfer(transfer).connector(memory.clone());
        let recipients = (0..=dice.below(3)).map(|number| format!("b{number}@y.test"));
        let fault = if dice.coin() { Fault::HangUp } else { Fault::Unavailable };
        Self {
            client: builder.build().expect("a client"),
            envelope: Envelope::new("a@x.test", recipients).expect("addresses"),
            // the workers of a batch go on by themselves between two polls, so that most seeds do without
            batch: if dice.below(4) == 0 { 2 + dice.below(2) } else { 1 },
            is_streamed: dice.coin(),
            filler: "a line that is here to be long\r\n".repeat(dice.below(3)),
            fault: dice.coin().then_some((dice.below(12), fault)),
            memory,
        }
    }

    fn content(&self, text: &str) -> Content {
        if self.is_streamed {
            Content::reader(std::io::Cursor::new(text.to_owned()))
        } else {
            Content::from(text.to_owned())
        }
    }

    /// Sends the texts, and notes what came of each that something came of.
    async fn send(&self, texts: &[String], outcomes: &mut Vec<(usize, Result<Report, SendError>)>) {
        if let [text] = texts {
            outcomes.push((0, self.client.send(&self.envelope, self.content(text)).await));
            return;
        }
        let mails: Vec<_> = texts.iter().map(|text| (self.envelope.clone(), self.content(text))).collect();
        let mut batch = self.client.send_all(mails);
        while let Some(outcome) = batch.next().await {
            outcomes.push(outcome);
        }
    }

    /// Drops a send after so many polls, then sends once more; whether it had come to its end.
    async fn round(&self, polls: usize) -> bool {
        let texts: Vec<String> =
            (0..self.batch).map(|number| format!("dropped {polls} {number}\r\n{}", self.filler)).collect();
        self.memory.books().accepted.clear();
        self.memory.books().fault = self.fault;
        let mut outcomes = Vec::new();
        let is_finished = dropped_after(self.send(&texts, &mut outcomes), polls).await.is_some();
        self.memory.books().fault = None;
        for (index, outcome) in &outcomes {
            let times = self.memory.times_accepted(&texts[*index]);
            match outcome {
                Ok(report) => assert!(report.accepted_count() > 0 && times == 1, "accepted {times} times"),
                Err(error) if error.delivered() == Delivered::No => assert_eq!(times, 0, "{error}"),
                Err(_) => assert!(times <= 1, "accepted {times} times"),
            }
        }
        assert!(!is_finished || outcomes.len() == texts.len(), "an answer for each");
        let text = format!("kept {polls}\r\n");
        let kept = self.client.send(&self.envelope, self.content(&text));
        let kept = tokio::time::timeout(PATIENCE, kept).await.expect("it does not hang");
        assert!(kept.expect("an honest server").all_accepted());
        assert_eq!(self.memory.times_accepted(&text), 1, "said to be accepted");
        for text in &texts {
            assert!(self.memory.times_accepted(text) <= 1, "sent twice: {text:?}");
        }
        is_finished
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

/// Every await of one seed.
async fn run(seed: u64) -> usize {
    let world = World::new(seed);
    let mut polls = 0;
    while !world.round(polls).await {
        polls += 1;
    }
    let wrong = &world.memory.books().wrong;
    assert!(wrong.is_empty(), "out of step: {wrong:?}");
    polls
}

#[test]
fn a_send_dropped_at_any_await_spoils_nothing_and_is_never_said_to_have_arrived() {
    let shards: Vec<_> = (0..2)
        .map(|shard| {
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
                let runtime = runtime.expect("a runtime");
                let mut dropped = 0;
                for seed in (shard..SEEDS).step_by(2) {
                    let polls = std::panic::catch_unwind(|| runtime.block_on(run(seed)));
                    dropped += polls.unwrap_or_else(|_| panic!("seed {seed}"));
                }
                dropped
            })
        })
        .collect();
    let dropped: usize = shards.into_iter().map(|shard| shard.join().expect("every seed holds")).sum();
    assert!(dropped > 5 * SEEDS as usize, "{dropped} awaits are too few to be all");
}
