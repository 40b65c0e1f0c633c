//! Many messages over the connections of a pool, each connection with as few round trips as the server allows.

use super::connection::{Open, lend, look, prepare};
use super::link::Link;
use super::pool::{Acquired, Pool};
use crate::content::{Content, Prepared};
use crate::error::SendError;
use crate::failure::is_stale;
use crate::outcome::Report;
use crate::sending::{Lost, Sending, SendingNeed};
use smtpkit_codec::Envelope;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The results of [`Client::send_all`](super::Client::send_all), as they are ready.
///
/// No more results wait than the pool has connections, so a slow reader slows the sending down.
pub struct Batch {
    results: mpsc::Receiver<(usize, Result<Report, SendError>)>,
    workers: JoinSet<()>,
}

type Source = Mutex<std::iter::Enumerate<Box<dyn Iterator<Item = (Envelope, Content)> + Send>>>;

/// One message on its way.
struct Job {
    index: usize,
    envelope: Envelope,
    content: Prepared,
}

impl Batch {
    pub(super) fn start<I>(pool: Arc<Pool>, mails: I) -> Self
    where
        I: Iterator<Item = (Envelope, Content)> + Send + 'static,
    {
        let connections = pool.settings.pool.connections_max;
        let (sender, results) = mpsc::channel(connections);
        let mails: Box<dyn Iterator<Item = (Envelope, Content)> + Send> = Box::new(mails);
        let source = Arc::new(Mutex::new(mails.enumerate()));
        let mut workers = JoinSet::new();
        for _ in 0..connections {
            let worker =
                Worker { pool: Arc::clone(&pool), source: Arc::clone(&source), sender: sender.clone() };
            workers.spawn(worker.run());
        }
        Self { results, workers }
    }

    /// The next result with the place of its message in the input; `None` after the last.
    pub async fn next(&mut self) -> Option<(usize, Result<Report, SendError>)> {
        self.results.recv().await
    }

    /// Gives up what is not sent yet.
    pub fn abort(&mut self) {
        self.workers.abort_all();
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("workers", &self.workers.len()).finish_non_exhaustive()
    }
}

/// One connection's share of a batch.
struct Worker {
    pool: Arc<Pool>,
    source: Arc<Source>,
    sender: mpsc::Sender<(usize, Result<Report, SendError>)>,
}

/// How a connection's share of a batch ended.
enum ChainEnd {
    /// The input is used up, or the connection has had its share.
    Done,
    /// The connection was lost. The jobs that are left were not heard of by the server; the error is there if one of
    /// them was the oldest on the connection.
    Lost(Option<SendError>),
}

/// Nobody wants the results any more.
struct Unwanted;

/// Whether nothing of the content has to be read before its transaction begins: that would hold up the one before it.
fn is_known(job: Option<&Job>, link: &Link) -> bool {
    job.is_some_and(|job| !job.content.wants_look(link.machine.ehlo()))
}

impl Worker {
    async fn run(self) {
        let mut jobs = VecDeque::with_capacity(2);
        loop {
            if jobs.is_empty() {
                match self.next_job().await {
                    Ok(Some(job)) => jobs.push_back(job),
                    Ok(None) | Err(Unwanted) => return,
                }
            }
            let outcome = match self.pool.acquire(None).await {
                Ok(acquired) => self.run_on(acquired, &mut jobs).await,
                Err(error) => self.fail_oldest(&mut jobs, error).await,
            };
            if outcome.is_err() {
                return;
            }
        }
    }

    /// Sends over one connection until it or the input is used up.
    async fn run_on(&self, mut acquired: Acquired, jobs: &mut VecDeque<Job>) -> Result<(), Unwanted> {
        loop {
            let end = self.send_chain(&mut acquired.open, jobs).await?;
            let was_used = acquired.is_reused || acquired.open.messages > 0;
            match end {
                ChainEnd::Lost(Some(error)) if was_used && is_stale(&error) => {
                    self.pool.counters.count_stale();
                    let Acquired { open, lease, .. } = acquired;
                    drop(open);
                    acquired = match self.pool.fresh(lease, None).await {
                        Ok(acquired) => acquired,
                        Err(error) => return self.fail_oldest(jobs, error).await,
                    };
                }
                ChainEnd::Lost(Some(error)) => return self.fail_oldest(jobs, error).await,
                ChainEnd::Done | ChainEnd::Lost(None) => {
                    self.pool.give_back(acquired.open, acquired.lease);
                    return Ok(());
                }
            }
        }
    }

    /// Sends the jobs and whatever the input has after them, two under way at most: the content of one with the
    /// commands of the next behind it.
    async fn send_chain(&self, open: &mut Open, jobs: &mut VecDeque<Job>) -> Result<ChainEnd, Unwanted> {
        let share = open.messages_left();
        let mut begun = 0;
        let mut finished = 0;
        let mut under_way: usize = 0;
        let (link, mut sending) = open.parts();
        let end = loop {
            // Nothing under way: begin the next one, if there is one.
            if under_way == 0 {
                if begun >= share || !link.machine.is_ready() || !self.fill(jobs, 1).await? {
                    break ChainEnd::Done;
                }
                under_way = self.begin(link, &mut sending, jobs, 0).await?;
                begun += u32::from(under_way > 0);
                continue;
            }
            // Anything may have been waited for since the last round.
            let now = link.now();
            match sending.step(&mut link.machine, now) {
                SendingNeed::Transfer => {
                    link.transfer(now).await;
                }
                SendingNeed::Content => {
                    let Some(job) = jobs.front_mut() else { continue };
                    if let Err(error) = lend(link, &mut job.content, now).await {
                        self.fail_oldest(jobs, error).await?;
                        break ChainEnd::Lost(None);
                    }
                    // A message that has to wait for its turn must not hold up the one before it.
                    if under_way == 1
                        && begun < share
                        && !self.pool.pace.is_limited()
                        && link.machine.can_chain()
                        && self.fill(jobs, 2).await?
                        && is_known(jobs.get(1), link)
                    {
                        let added = self.begin(link, &mut sending, jobs, 1).await?;
                        under_way += added;
                        begun += u32::from(added > 0);
                    }
                }
                SendingNeed::Finished(outcome) => {
                    under_way -= 1;
                    finished += 1;
                    if let Some(job) = jobs.pop_front() {
                        self.tell(job.index, outcome).await?;
                    }
                }
                SendingNeed::Lost(lost) => break self.lose(lost, jobs).await?,
            }
        };
        open.messages += finished;
        Ok(end)
    }

    /// Takes input until so many jobs wait; `false` if it does not have as many.
    async fn fill(&self, jobs: &mut VecDeque<Job>, count: usize) -> Result<bool, Unwanted> {
        while jobs.len() < count {
            match self.next_job().await? {
                Some(job) => jobs.push_back(job),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Starts the job at `index`; gives back how many were started: a job that the server cannot take is answered here.
    async fn begin(
        &self,
        link: &mut Link,
        sending: &mut Sending<'_>,
        jobs: &mut VecDeque<Job>,
        index: usize,
    ) -> Result<usize, Unwanted> {
        let Some(job) = jobs.get_mut(index) else { return Ok(0) };
        let begun = match look(link, &mut job.content).await {
            Ok(()) => sending.plan(&link.machine, &mut job.content).and_then(|plan| {
                let now = link.now();
                sending.start(&mut link.machine, &job.envelope, &plan, now)
            }),
            Err(error) => Err(error),
        };
        match begun {
            Ok(()) => Ok(1),
            Err(error) => {
                if let Some(job) = jobs.remove(index) {
                    self.tell(job.index, Err(error)).await?;
                }
                Ok(0)
            }
        }
    }

    /// The connection took its messages along: those that the server had heard of are answered.
    async fn lose(&self, lost: Vec<Lost>, jobs: &mut VecDeque<Job>) -> Result<ChainEnd, Unwanted> {
        let mut oldest = None;
        for (position, Lost { error, is_untouched }) in lost.into_iter().enumerate() {
            match (is_untouched, position) {
                (true, 0) => oldest = Some(error),
                (true, _) => {}
                (false, _) => self.fail_oldest(jobs, error).await?,
            }
        }
        Ok(ChainEnd::Lost(oldest))
    }

    /// The next message of the input, ready to go; those that cannot go are answered here.
    async fn next_job(&self) -> Result<Option<Job>, Unwanted> {
        loop {
            // Without a time limit nothing can be wrong with a turn.
            let _ = self.pool.turn(None).await;
            let next = self.source.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((index, (envelope, content))) = next else { return Ok(None) };
            match prepare(content).await {
                Ok(content) => return Ok(Some(Job { index, envelope, content })),
                Err(error) => self.tell(index, Err(error)).await?,
            }
        }
    }

    async fn fail_oldest(&self, jobs: &mut VecDeque<Job>, error: SendError) -> Result<(), Unwanted> {
        match jobs.pop_front() {
            Some(job) => self.tell(job.index, Err(error)).await,
            None => Ok(()),
        }
    }

    async fn tell(&self, index: usize, outcome: Result<Report, SendError>) -> Result<(), Unwanted> {
        self.pool.counters.record(&self.pool.settings, &outcome);
        self.sender.send((index, outcome)).await.map_err(|_| Unwanted)
    }
}
