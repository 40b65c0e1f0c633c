//! Somebody who sends a message to a relay with the production client, and tries again when told to.

use std::collections::BTreeMap;
use std::time::Duration;

use smtpkit_client::{Client, ConfigError, Delivered, Envelope, RecipientOutcome, Retry};
use tokio::time::{Instant, sleep};

use crate::dice::Dice;
use crate::journal::Journal;
use crate::ledger::{Answer, Ledger, Posted};
use crate::letter;
use crate::network::Plug;

/// How often a message is tried; each attempt is a message of its own, with its own token.
const ATTEMPTS_MAX: u32 = 4;

/// A message to send.
pub(crate) struct Sender {
    pub(crate) number: u64,
    /// When it is sent first.
    pub(crate) after: Duration,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Which of them stand for whom.
    pub(crate) members: BTreeMap<&'static str, &'static [&'static str]>,
    pub(crate) octets: usize,
    /// The relay that takes it.
    pub(crate) relay: &'static str,
    pub(crate) plug: Plug,
    pub(crate) dice: Dice,
    pub(crate) ledger: Ledger,
    pub(crate) journal: Journal,
}

impl Sender {
    pub(crate) async fn run(mut self) {
        sleep(self.after).await;
        let url = format!("smtp://{}:25?tls=off", self.relay);
        let Sender { plug, .. } = self;
        let built = || -> Result<Client, ConfigError> {
            Client::builder(url.parse()?).connector(plug).hello_name("client.test").build()
        };
        let (Ok(client), Ok(envelope)) = (built(), Envelope::new(&self.from, &self.to)) else {
            self.journal.note("sender", "a message could not be made");
            return;
        };
        for attempt in 1..=ATTEMPTS_MAX {
            let token = format!("m{}a{attempt}", self.number);
            let began = Instant::now();
            let sent = client.send(&envelope, letter::content(&token, self.octets)).await;
            let (outcomes, unheard, again) = match &sent {
                Ok(report) => (report.recipients(), Answer::Refused, false),
                Err(error) if error.delivered() == Delivered::Unknown => {
                    (error.recipients(), Answer::Unknown, true)
                }
                Err(error) => (error.recipients(), Answer::Refused, error.retry() == Retry::Later),
            };
            let answer = |place: usize| match outcomes.get(place) {
                Some(RecipientOutcome::Accepted(_)) if sent.is_ok() => Answer::Accepted,
                Some(RecipientOutcome::Refused(_)) => Answer::Refused,
                _ => unheard,
            };
            let mut answers: BTreeMap<String, Answer> = BTreeMap::new();
            for (place, to) in self.to.iter().enumerate() {
                match self.members.get(to.as_str()) {
                    Some(members) => {
                        answers.extend(members.iter().map(|member| ((*member).to_owned(), answer(place))));
                    }
                    None => drop(answers.insert(to.clone(), answer(place))),
                }
            }
            let accepted = answers.values().filter(|answer| **answer == Answer::Accepted).count();
            let unknown = answers.values().filter(|answer| **answer == Answer::Unknown).count();
            let said = match &sent {
                Ok(_) => String::new(),
                Err(error) => format!(": {error}"),
            };
            self.journal.note(
                "sender",
                format_args!(
                    "{token} accepted for {accepted}, unknown for {unknown} of {}{said}",
                    self.to.len()
                ),
            );
            let posted = Posted { from: self.from.clone(), began, ended: Instant::now(), answers };
            self.ledger.posted(token, posted);
            if !again {
                break;
            }
            sleep(self.dice.milliseconds(30_000, 1_800_000)).await;
        }
        client.close(Duration::from_secs(1)).await;
    }
}
