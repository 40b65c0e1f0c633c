//! Whatever is done, in whatever order: the spool in memory, the one on disk and the reference give
//! the same answers, also after restarts.

use proptest::prelude::*;
use smtpkit_queue::{
    Action, Batch, Filter, MemorySpool, Options, Outcome, QueueId, RecipientKey, RecipientState, RedbSpool,
    Site, Spool, Staged, Timestamp,
};

use crate::disk::Disk;
use crate::reference::{Reference, Wanted};
use crate::sample::{deferred, done, entry_from, failed, seconds};

const DOMAINS: [&str; 3] = ["x.example", "Y.example", "z.example"];
const SENDERS: [&str; 3] = ["joe@example.org", "Jim@example.org", ""];
const STATES: [RecipientState; 5] = [
    RecipientState::Queued,
    RecipientState::Leased,
    RecipientState::Held,
    RecipientState::Done,
    RecipientState::Failed,
];

/// Something done to a spool. Numbers choose among what is there.
#[derive(Clone, Debug)]
enum Step {
    Accept { sender: usize, recipients: Vec<(usize, u64)>, mails: usize },
    Copy { of: usize, sender: usize, domain: usize },
    Record { outcomes: Vec<(usize, u8)> },
    Manage { action: Action, wanted: Pick },
    Lease { site: usize, limit: usize },
    GiveBack { of: usize },
    Pass { seconds: u64 },
    Restart,
}

/// A filter by numbers.
#[derive(Clone, Debug)]
struct Pick {
    id: Option<usize>,
    domain: Option<usize>,
    sender: Option<usize>,
    site: Option<usize>,
    state: Option<usize>,
    from: Option<u64>,
    before: Option<u64>,
}

fn pick() -> impl Strategy<Value = Pick> {
    fn rarely<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
        proptest::option::weighted(0.25, strategy)
    }
    (
        rarely(0..30usize),
        rarely(0..4usize),
        rarely(0..3usize),
        rarely(0..3usize),
        rarely(0..5usize),
        rarely(0..60u64),
        rarely(0..60u64),
    )
        .prop_map(|(id, domain, sender, site, state, from, before)| Pick {
            id,
            domain,
            sender,
            site,
            state,
            from,
            before,
        })
}

fn step() -> impl Strategy<Value = Step> {
    let action =
        prop_oneof![Just(Action::Hold), Just(Action::Release), Just(Action::Retry), Just(Action::Remove)];
    let recipients = proptest::collection::vec((0..3usize, 0..40u64), 1..4);
    prop_oneof![
        4 => (0..3usize, recipients, 1..3usize)
            .prop_map(|(sender, recipients, mails)| Step::Accept { sender, recipients, mails }),
        1 => (0..30usize, 0..3usize, 0..3usize).prop_map(|(of, sender, domain)| Step::Copy { of, sender, domain }),
        4 => proptest::collection::vec((0..60usize, any::<u8>()), 1..4).prop_map(|outcomes| Step::Record { outcomes }),
        2 => (action, pick()).prop_map(|(action, wanted)| Step::Manage { action, wanted }),
        3 => (0..3usize, 1..4usize).prop_map(|(site, limit)| Step::Lease { site, limit }),
        1 => (0..60usize).prop_map(|of| Step::GiveBack { of }),
        1 => (0..20u64).prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Restart),
    ]
}

struct World {
    disk: Disk,
    redb: Option<RedbSpool>,
    memory: MemorySpool,
    reference: Reference,
    /// All that were ever made.
    keys: Vec<RecipientKey>,
    elapsed: u64,
}

impl World {
    fn new() -> Self {
        let disk = Disk::default();
        let redb = Some(RedbSpool::open_with_backend(disk.clone(), Options::default()).unwrap());
        let (memory, reference) = (MemorySpool::new(0), Reference::default());
        Self { disk, redb, memory, reference, keys: Vec::new(), elapsed: 0 }
    }

    fn redb(&self) -> &RedbSpool {
        self.redb.as_ref().unwrap()
    }

    fn now(&self) -> Timestamp {
        seconds(self.elapsed)
    }

    fn key(&self, choice: usize) -> RecipientKey {
        let none = RecipientKey { id: QueueId::from_u64(0), index: 0 };
        self.keys.get(choice % self.keys.len().max(1)).copied().unwrap_or(none)
    }

    fn wanted(&self, pick: &Pick) -> (Wanted, Filter) {
        let wanted = Wanted {
            id: pick.id.map(|id| self.key(id).id),
            domain: pick.domain.map(|place| DOMAINS.get(place).unwrap_or(&"nowhere").to_lowercase()),
            sender: pick.sender.map(|place| SENDERS[place].to_lowercase()),
            site: pick.site.map(|place| Site::new(DOMAINS[place])),
            state: pick.state.map(|place| STATES[place]),
            from: pick.from.map(seconds),
            before: pick.before.map(seconds),
        };
        let mut filter = Filter::all();
        filter = wanted.id.map_or(filter.clone(), |id| filter.id(id));
        filter = wanted.domain.as_ref().map_or(filter.clone(), |domain| filter.domain(domain));
        filter = wanted.sender.as_ref().map_or(filter.clone(), |sender| filter.sender(sender));
        filter = wanted.site.clone().map_or(filter.clone(), |site| filter.site(site));
        filter = wanted.state.map_or(filter.clone(), |state| filter.state(state));
        filter = wanted.from.map_or(filter.clone(), |from| filter.created_from(from));
        filter = wanted.before.map_or(filter.clone(), |before| filter.created_before(before));
        (wanted, filter)
    }

    /// Commits the same to both; what both answer.
    fn commit(&self, batch: impl Fn() -> Batch) -> Result<(u64, u64), String> {
        let told = |spool: &dyn Spool| match spool.commit(batch()).wait() {
            Ok(receipt) => Ok((receipt.changed, receipt.stale)),
            Err(error) => Err(error.to_string()),
        };
        let answer = told(&self.memory);
        assert_eq!(told(self.redb()), answer);
        answer
    }

    fn make(&mut self, step: &Step) {
        let now = self.now();
        match step {
            Step::Accept { sender, recipients, mails } => {
                let mut entries = Vec::new();
                for _ in 0..*mails {
                    let id = self.memory.next_id(now);
                    let to: Vec<String> =
                        recipients.iter().map(|(domain, _)| format!("u@{}", DOMAINS[*domain])).collect();
                    let to: Vec<&str> = to.iter().map(String::as_str).collect();
                    let mut entry = entry_from(id, "<>", &to);
                    if !SENDERS[*sender].is_empty() {
                        entry.reverse_path = SENDERS[*sender].parse().unwrap();
                    }
                    for (recipient, (_, due)) in entry.recipients.iter_mut().zip(recipients) {
                        recipient.due = seconds(*due);
                    }
                    entry.size = 4;
                    entries.push(entry);
                }
                let batch = || Batch::default().accept(Staged::inline("mail"), entries.clone());
                self.commit(batch).unwrap();
                for entry in entries {
                    self.take_in(entry);
                }
            }
            Step::Copy { of, sender, domain } => {
                let of = self.key(*of).id;
                let id = self.memory.next_id(now);
                let mut entry = entry_from(id, "<>", &[&format!("copy@{}", DOMAINS[*domain])]);
                if !SENDERS[*sender].is_empty() {
                    entry.reverse_path = SENDERS[*sender].parse().unwrap();
                }
                entry.size = 4;
                let answer = self.commit(|| Batch::default().enqueue_copy(of, entry.clone()));
                assert_eq!(answer.is_ok(), self.reference.mails.contains_key(&of));
                if answer.is_ok() {
                    self.take_in(entry);
                }
            }
            Step::Record { outcomes } => {
                let outcomes: Vec<(RecipientKey, Outcome)> = outcomes
                    .iter()
                    .map(|(choice, kind)| {
                        let outcome = match kind % 6 {
                            0 => done(),
                            1 => failed(),
                            2 => Outcome::Noticed,
                            3 => Outcome::Rerouted {
                                site: Site::new(DOMAINS[usize::from(*kind) % 3]),
                                due: now,
                            },
                            _ => deferred(seconds(self.elapsed + u64::from(*kind))),
                        };
                        (self.key(*choice), outcome)
                    })
                    .collect();
                let in_time =
                    outcomes.iter().filter(|(key, outcome)| self.reference.record(*key, outcome)).count();
                let batch = || {
                    outcomes
                        .iter()
                        .fold(Batch::default(), |batch, (key, outcome)| batch.record(*key, outcome.clone()))
                };
                assert_eq!(self.commit(batch), Ok((in_time as u64, (outcomes.len() - in_time) as u64)));
            }
            Step::Manage { action, wanted } => {
                let (wanted, filter) = self.wanted(wanted);
                let changed = self.reference.manage(*action, &wanted, now);
                for spool in [&self.memory as &dyn Spool, self.redb()] {
                    assert_eq!(
                        spool.manage(*action, &filter, now).wait().unwrap().changed,
                        changed,
                        "{filter:?}"
                    );
                }
            }
            Step::Lease { site, limit } => {
                let site = Site::new(DOMAINS[*site]);
                let taken = self.reference.lease(&site, now, *limit);
                for spool in [&self.memory as &dyn Spool, self.redb()] {
                    let leases = spool.lease(&site, now, *limit);
                    let keys: Vec<_> =
                        leases.iter().flat_map(|lease| lease.keys().collect::<Vec<_>>()).collect();
                    assert_eq!(keys, taken);
                    for lease in leases {
                        let mut expected = self.reference.get(lease.entry.id).unwrap();
                        let mut index = 0..;
                        expected.recipients.retain(|_| lease.indexes.contains(&index.next().unwrap()));
                        assert_eq!(lease.entry, expected);
                    }
                }
            }
            Step::GiveBack { of } => {
                let key = self.key(*of);
                self.reference.leased.remove(&key);
                self.memory.give_back(&[key]);
                self.redb().give_back(&[key]);
            }
            Step::Pass { seconds } => self.elapsed += seconds,
            Step::Restart => {
                let leased: Vec<_> = self.reference.leased.iter().copied().collect();
                self.memory.give_back(&leased);
                self.reference.restart();
                self.redb = None;
                self.redb =
                    Some(RedbSpool::open_with_backend(self.disk.clone(), Options::default()).unwrap());
            }
        }
    }

    fn take_in(&mut self, entry: smtpkit_queue::Entry) {
        let count = u32::try_from(entry.recipients.len()).unwrap();
        self.keys.extend((0..count).map(|index| RecipientKey { id: entry.id, index }));
        self.reference.mails.insert(entry.id, entry);
    }

    /// Asks all three everything.
    fn compare(&self, pick: &Pick, limit: usize) {
        let now = self.now();
        let (wanted, filter) = self.wanted(pick);
        let waiting = self.reference.waiting();
        let first = |site: &Site| waiting[site].first().map(|(due, _)| *due);
        let due: Vec<Site> = waiting.keys().filter(|site| first(site) <= Some(now)).cloned().collect();
        let next_due = waiting.keys().filter_map(first).filter(|due| *due > now).min();
        for spool in [&self.memory as &dyn Spool, self.redb()] {
            assert_eq!(walk(spool, &filter, limit), self.reference.list(&wanted), "{filter:?}");
            assert_eq!(walk(spool, &Filter::all(), limit), self.reference.list(&Wanted::default()));
            for id in self.reference.mails.keys() {
                assert_eq!(spool.get(*id), self.reference.get(*id));
                assert_eq!(spool.content(*id).unwrap().chunk(0, 9).unwrap(), "mail");
            }
            let mut found = spool.due(now, usize::MAX, &mut |_| true);
            found.sort();
            assert_eq!(found, due);
            assert_eq!(spool.next_due(now), next_due);

            let counts = spool.counts();
            let count =
                |state| self.reference.list(&Wanted { state: Some(state), ..Wanted::default() }).len();
            assert_eq!(counts.entries, self.reference.mails.len());
            assert_eq!(counts.queued, count(RecipientState::Queued));
            assert_eq!(counts.leased, count(RecipientState::Leased));
            assert_eq!(counts.held, count(RecipientState::Held));
            assert_eq!(counts.octets, 4 * self.reference.mails.len() as u64);
        }
    }
}

fn walk(spool: &dyn Spool, filter: &Filter, limit: usize) -> Vec<RecipientKey> {
    let mut keys = Vec::new();
    let mut after = None;
    loop {
        let page = spool.list(filter, after, limit);
        keys.extend(page.entries.iter().flat_map(|found| found.keys().collect::<Vec<_>>()));
        after = page.next;
        if after.is_none() {
            return keys;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_engines_mean_what_the_reference_means(
        steps in proptest::collection::vec((step(), pick(), 1..9usize), 1..60)
    ) {
        let mut world = World::new();
        for (step, pick, limit) in &steps {
            world.make(step);
            world.compare(pick, *limit);
        }
    }
}
