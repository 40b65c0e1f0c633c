//! A seeded world around the production code: session, server, client, queue and relay run as they are, and wires, names,
//! clocks and disks are simulated.
//!
//! ```text
//!  senders ──► relay: server + spool on a disk that loses power ──► (hub: another one) ──► hosts that misbehave
//!  (client)        crashes, restarts on what the disk kept                                  say later, never, nothing
//! ```
//!
//! | module | what |
//! |---|---|
//! | `dice` | every choice, from the seed |
//! | `wire`, `network`, `names` | streams that are slow, cut into pieces and broken; who listens; the DNS |
//! | `disk`, `spool` | unsynced writes are dropped or torn, syncs fail; the production spool on it |
//! | `power`, `machine` | lives of a machine that runs server and relay |
//! | `host`, `sender`, `letter` | who takes mail, who sends it, what it says |
//! | `operator` | who holds mail back, lets it go, and loads the routes anew |
//! | `ledger`, `verdict` | what is owed to whom, and whether all promises were kept |
//! | `world`, `weather`, `journal` | all of it together; when it is calm; what happened |
//!
//! A world runs in one thread on a paused clock, so an idle week takes no time, and the same seed writes the same
//! journal. There is no TLS in it: its keys and signatures come from the operating system. Mailboxes on this system's own
//! disk are left out, too; local mail goes to a store by LMTP.

mod dice;
mod journal;
mod power;
mod weather;

mod names;
mod network;
mod wire;

mod disk;
mod spool;

mod host;
mod ledger;
mod letter;
mod machine;
mod operator;
mod sender;

mod verdict;
mod world;

#[cfg(test)]
mod scenarios;

pub use self::verdict::Figures;
pub use self::world::Outcome;

/// Lives through the world of `seed`, in which things go wrong for `hours` of its time.
///
/// ```
/// let outcome = smtpkit_sim::run(1, 1)?;
/// assert!(outcome.broken.is_empty(), "{:#?}", outcome.journal);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// If the operating system gives no runtime.
pub fn run(seed: u64, hours: u64) -> std::io::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    Ok(runtime.block_on(world::live(seed, hours)))
}
