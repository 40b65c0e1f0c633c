//! kill -9 under load: a process takes mail as fast as it can and prints each id that was
//! acknowledged; it is killed; the next one must find them all.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use smtpkit_queue::{Batch, Options, QueueId, RecipientKey, RedbSpool, Spool, Staged};

use crate::sample::{NOW, done, entry};

/// Where the child keeps its spool; without it, it is no child.
const DIRECTORY: &str = "SMTPKIT_KILL_TEST_DIRECTORY";
const PRODUCERS: usize = 16;
const ROUNDS: usize = 3;
const ACKNOWLEDGED_BEFORE_KILL: usize = 500;

#[test]
fn acknowledged_mail_survives_kill_9() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        take_mail_until_killed(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let mut owed = BTreeSet::new();
    for round in 0..ROUNDS {
        let (accepted, settled) = run_and_kill(directory.path());
        assert!(accepted.len() >= ACKNOWLEDGED_BEFORE_KILL);
        owed.extend(accepted);
        for id in settled {
            owed.remove(&id);
        }
        let spool = RedbSpool::open(directory.path(), Options::default()).unwrap();
        assert!(spool.recovery().damaged.is_empty());
        for id in &owed {
            assert!(spool.get(*id).is_some(), "round {round}: {id} was acknowledged");
            assert_eq!(spool.content(*id).unwrap().chunk(0, 64).unwrap(), id.to_string().repeat(2));
        }
    }
}

/// What the child has acknowledged before it was killed: mails taken in, and mails settled.
fn run_and_kill(directory: &Path) -> (Vec<QueueId>, Vec<QueueId>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::acknowledged_mail_survives_kill_9", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut accepted, mut settled) = (Vec::new(), Vec::new());
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // the test runner prints lines of its own; the last line may be cut
        match line.split_once(' ') {
            Some(("accepted", id)) => accepted.extend(id.parse::<QueueId>()),
            Some(("settled", id)) => settled.extend(id.parse::<QueueId>()),
            _ => {}
        }
        if accepted.len() == ACKNOWLEDGED_BEFORE_KILL {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(status.code().is_none(), "it ends by the signal: {status}");
    (accepted, settled)
}

fn take_mail_until_killed(directory: &Path) -> ! {
    let spool = Arc::new(RedbSpool::open(directory, Options::default()).unwrap());
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| {
            let spool = Arc::clone(&spool);
            std::thread::spawn(move || {
                for mail in 0u64.. {
                    let id = spool.next_id(NOW);
                    let content = Staged::inline(id.to_string().repeat(2));
                    let batch = Batch::default().accept(content, [entry(id, &["jane@example.com"])]);
                    spool.commit(batch).wait().unwrap();
                    tell(&format!("accepted {id}\n"));
                    if (mail + producer as u64).is_multiple_of(3) {
                        // whoever reads that it is settled may not find it again
                        tell(&format!("settled {id}\n"));
                        spool
                            .commit(Batch::default().record(RecipientKey { id, index: 0 }, done()))
                            .wait()
                            .unwrap();
                    }
                }
            })
        })
        .collect();
    for producer in producers {
        producer.join().unwrap();
    }
    unreachable!("producers go on until they are killed")
}

/// One line, by one system call, so that it is whole or not there.
fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap();
}
