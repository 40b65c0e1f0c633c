//! Whether a world kept its promises: read at its end, when all is calm and had time to come to its end.
//!
//! | promise | how it is seen |
//! |---|---|
//! | nothing acknowledged is lost | each recipient that was accepted is delivered, reported or pending |
//! | one end for each recipient | not delivered and reported, unless nobody could know of the delivery |
//! | no second copy without need | the first `250` was never read, or a machine went down soon after |
//! | one report for each failure | reports are told apart by their Message-ID |
//! | no report about a report | none is quoted in another |
//! | what was refused is not delivered | unless a disk failed meanwhile |
//! | everything comes to its end | nothing is pending after the give-up time |
//! | bounds hold | the most connections to a host, the most entries in a queue |

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::ledger::{Answer, Book, Keep, Posted};
use crate::machine::Remains;

/// How long a relay may take to write down what it was told: over LMTP it waits for the replies to all recipients first,
/// and the disk may be slow.
const WRITTEN_DOWN: Duration = Duration::from_secs(15 * 60);

/// A message and one of its recipients.
type Key = (String, String);

/// What a world was about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// Recipients that a relay said `250` for.
    pub accepted: u64,
    /// Those of which the sender never heard.
    pub unknown: u64,
    /// Copies that hosts kept.
    pub delivered: u64,
    /// Those of them that somebody had already.
    pub second_copies: u64,
    /// Recipients whose failure was reported.
    pub reported: u64,
    /// Connections.
    pub connections: u64,
    /// Crashes, failed disks and restarts.
    pub outages: u64,
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.unknown += other.unknown;
        self.delivered += other.delivered;
        self.second_copies += other.second_copies;
        self.reported += other.reported;
        self.connections += other.connections;
        self.outages += other.outages;
    }
}

/// What a judge knows besides the book.
pub(crate) struct Evidence<'a> {
    pub(crate) book: &'a Book,
    pub(crate) remains: &'a [Remains],
    /// Connections: who, to whom, and the most at once.
    pub(crate) connections_most: &'a BTreeMap<(Box<str>, Box<str>), usize>,
    pub(crate) site_max: usize,
    /// The domain whose mail passes a second machine, where copies can arise out of sight.
    pub(crate) passed_on: Option<&'a str>,
    /// That machine. Its reports pass the first one, which may go down between its commit and its 250.
    pub(crate) second: &'a str,
    /// An address and whom it stands for; reports name the address alone, to hide what is behind it.
    pub(crate) alias: (&'a str, &'a [&'a str]),
    /// The domain that takes no mail, reports included.
    pub(crate) takes_nobody: &'a str,
}

/// The broken promises; and how much there was of everything.
pub(crate) fn judge(evidence: &Evidence<'_>) -> (Vec<String>, Figures) {
    let mut court = Court { evidence, broken: Vec::new(), figures: Figures::default() };
    let ends = Ends::of(evidence);
    for (token, posted) in &evidence.book.letters {
        for (recipient, answer) in &posted.answers {
            court.recipient(&(token.clone(), recipient.clone()), posted, *answer, &ends);
        }
    }
    court.reports(&ends);
    court.machines();
    court.figures.outages = evidence.book.outages.len() as u64;
    (court.broken, court.figures)
}

/// What became of everybody.
#[derive(Default)]
struct Ends<'a> {
    keeps: BTreeMap<Key, Vec<&'a Keep>>,
    /// The names of the reports that say so.
    failed: BTreeMap<Key, BTreeSet<&'a str>>,
    delayed: BTreeMap<Key, BTreeSet<&'a str>>,
    pending: BTreeSet<Key>,
}

impl<'a> Ends<'a> {
    fn of(evidence: &Evidence<'a>) -> Self {
        let mut ends = Self::default();
        for keep in &evidence.book.keeps {
            match &keep.report {
                None => {
                    let key = (keep.token.clone(), keep.recipient.clone());
                    ends.keeps.entry(key).or_default().push(keep);
                }
                Some(report) => ends.report(&keep.token, &report.id, &report.actions),
            }
        }
        for owed in evidence.remains.iter().flat_map(|remains| &remains.owed) {
            match &owed.report {
                None => {
                    ends.pending.insert((owed.token.clone(), owed.recipient.clone()));
                }
                Some(report) => ends.report(&owed.token, &report.id, &report.actions),
            }
        }
        ends
    }

    fn report(&mut self, token: &str, id: &'a str, actions: &[(String, String)]) {
        for (recipient, action) in actions {
            let key = (token.to_owned(), recipient.clone());
            match action.as_str() {
                "failed" => self.failed.entry(key).or_default().insert(id),
                "delayed" => self.delayed.entry(key).or_default().insert(id),
                _ => false,
            };
        }
    }
}

struct Court<'a> {
    evidence: &'a Evidence<'a>,
    broken: Vec<String>,
    figures: Figures,
}

impl Court<'_> {
    fn recipient(&mut self, key: &Key, posted: &Posted, answer: Answer, ends: &Ends<'_>) {
        let (token, recipient) = key;
        let keeps = ends.keeps.get(key).map_or(&[][..], Vec::as_slice);
        let is_behind_alias = self.evidence.alias.1.contains(&recipient.as_str());
        let named = if is_behind_alias { self.evidence.alias.0 } else { recipient };
        let is_reported = ends.failed.contains_key(&(token.clone(), named.to_owned()));
        let is_pending = ends.pending.contains(key);
        let can_be_told = !posted.from.ends_with(self.evidence.takes_nobody);
        self.figures.accepted += u64::from(answer == Answer::Accepted);
        self.figures.unknown += u64::from(answer == Answer::Unknown);
        self.figures.delivered += keeps.len() as u64;
        self.figures.reported += u64::from(is_reported);
        let mut says = |what: &str| self.broken.push(format!("{token} for {recipient}: {what}"));
        if answer == Answer::Accepted && can_be_told && keeps.is_empty() && !is_reported && !is_pending {
            says("acknowledged, and lost");
        }
        let was_unsure = keeps.iter().any(|keep| !self.evidence.is_sure(keep));
        let is_told_apart = !is_behind_alias && !self.evidence.is_passed_on(recipient);
        if !keeps.is_empty() && is_reported && !was_unsure && is_told_apart {
            says("delivered, and reported as failed");
        }
        if answer == Answer::Refused
            && (!keeps.is_empty() || is_reported)
            && !self.evidence.is_outage(posted.began, posted.ended)
        {
            says("refused, and queued nevertheless");
        }
        if is_pending {
            says("pending when all should have come to its end");
        }
        self.copies(key, keeps);
    }

    fn copies(&mut self, (token, recipient): &Key, keeps: &[&Keep]) {
        self.figures.second_copies += (keeps.len() as u64).saturating_sub(1);
        if self.evidence.is_passed_on(recipient) || self.evidence.is_of_second(token) {
            return;
        }
        // a host that is slow to take one copy may have been handed it before another
        let mut keeps = keeps.to_vec();
        keeps.sort_by_key(|keep| keep.read);
        for pair in keeps.windows(2) {
            if let [first, _] = pair
                && self.evidence.is_sure(first)
            {
                self.broken.push(format!("{token} for {recipient}: delivered twice without need"));
            }
        }
    }

    fn reports(&mut self, ends: &Ends<'_>) {
        for (what, reports) in [("failed", &ends.failed), ("delayed", &ends.delayed)] {
            for ((token, recipient), ids) in reports {
                // each copy that arose out of sight has reports of its own
                let (alias, members) = self.evidence.alias;
                let most = if recipient == alias { members.len() } else { 1 };
                if ids.len() > most && !self.evidence.is_passed_on(recipient) {
                    self.broken.push(format!("{token} for {recipient}: {} reports say {what}", ids.len()));
                }
            }
        }
        let mut copies: BTreeMap<(&str, &str), Vec<&Keep>> = BTreeMap::new();
        for keep in &self.evidence.book.keeps {
            let Some(report) = &keep.report else { continue };
            if report.is_about_report {
                self.broken.push(format!("{}: a report about a report", keep.token));
            }
            copies.entry((&report.id, &keep.recipient)).or_default().push(keep);
        }
        for ((id, recipient), keeps) in copies {
            self.copies(&(id.to_owned(), recipient.to_owned()), &keeps);
        }
    }

    fn machines(&mut self) {
        for remains in self.evidence.remains {
            self.broken.extend(remains.faults.iter().cloned());
            if remains.entries_most > remains.entries_max {
                self.broken.push(format!(
                    "{}: {} entries in a queue for {}",
                    remains.name, remains.entries_most, remains.entries_max
                ));
            }
            for ((from, to), most) in self.evidence.connections_most {
                if **from == *remains.name && *most > self.evidence.site_max {
                    let max = self.evidence.site_max;
                    self.broken.push(format!("{from} had {most} connections to {to}, and may have {max}"));
                }
            }
        }
        for token in &self.evidence.book.damaged {
            self.broken.push(format!("{token}: arrived other than it was sent"));
        }
    }
}

impl Evidence<'_> {
    /// Whether the relay knew of a delivery, and had the time to write it down.
    fn is_sure(&self, keep: &Keep) -> bool {
        keep.heard_at().is_some_and(|heard| !self.is_outage(keep.at, heard + WRITTEN_DOWN))
    }

    fn is_outage(&self, from: Instant, to: Instant) -> bool {
        self.book.outages.iter().any(|(began, ended)| *began <= to && *ended >= from)
    }

    /// Whether the second machine wrote the mail with this Message-ID.
    fn is_of_second(&self, id: &str) -> bool {
        id.trim_end_matches('>').rsplit_once('@').is_some_and(|(_, host)| host == self.second)
    }

    fn is_passed_on(&self, recipient: &str) -> bool {
        self.passed_on.is_some_and(|domain| recipient.ends_with(domain))
    }
}
