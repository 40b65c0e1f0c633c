//! A host that takes mail, and misbehaves: says later or never, closes before or behind the final dot, takes its time.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::time::{Instant, sleep};

use crate::dice::Dice;
use crate::journal::Journal;
use crate::ledger::Ledger;
use crate::network::Network;
use crate::power::Power;
use crate::weather::Weather;
use crate::wire::End;

/// How a host behaves; the numbers are chances out of a thousand, at each step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    pub(crate) is_lmtp: bool,
    /// 4yz.
    pub(crate) later: u64,
    /// 5yz.
    pub(crate) never: u64,
    /// 421.
    pub(crate) shuts: u64,
    /// Closes the connection without a word.
    pub(crate) closes: u64,
    /// Takes up to 100 seconds for an answer; behind the dot it may be 11 minutes, which is longer than a client waits.
    pub(crate) slow: u64,
    /// How long every answer takes, in any weather.
    pub(crate) pause: Duration,
    /// LMTP: closes behind the reply for the first recipient of a message, in any weather.
    pub(crate) answers_once: bool,
    /// 550 for every recipient, in any weather.
    pub(crate) takes_nobody: bool,
}

/// A host.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) manner: Manner,
    pub(crate) dice: Dice,
    pub(crate) weather: Weather,
    pub(crate) ledger: Ledger,
    pub(crate) journal: Journal,
}

/// What a host does at a step.
enum Act {
    Goes,
    Says(&'static str),
    Closes,
}

impl Host {
    /// Takes connections until the world ends.
    pub(crate) async fn run(self, network: Network) {
        let mut door = network.open(&self.name, Power::on());
        while let Some(arrival) = door.recv().await {
            let dice = self.dice.fork(&arrival.number.to_string());
            let mut visit = Visit {
                host: self.clone(),
                number: arrival.number,
                dice,
                stream: BufReader::new(arrival.end),
                reverse_path: String::new(),
                recipients: Vec::new(),
            };
            tokio::spawn(async move {
                // a client that goes away ends the visit
                let _ = visit.converse().await;
            });
        }
    }
}

/// One connection.
struct Visit {
    host: Host,
    number: u64,
    dice: Dice,
    stream: BufReader<End>,
    reverse_path: String,
    recipients: Vec<String>,
}

impl Visit {
    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(format!("{text}\r\n").as_bytes()).await
    }

    async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let count = self.stream.read_until(b'\n', &mut line).await?;
        Ok((count > 0).then_some(line))
    }

    async fn act(&mut self) -> Act {
        let manner = self.host.manner;
        let weather = self.host.weather.clone();
        if !manner.pause.is_zero() {
            sleep(manner.pause).await;
        }
        if weather.strikes(&mut self.dice, manner.slow) {
            sleep(self.dice.milliseconds(100, 100_000)).await;
        }
        if weather.strikes(&mut self.dice, manner.closes) {
            Act::Closes
        } else if weather.strikes(&mut self.dice, manner.shuts) {
            Act::Says("421 4.3.2 shutting down")
        } else if weather.strikes(&mut self.dice, manner.later) {
            Act::Says("451 4.3.0 later")
        } else if weather.strikes(&mut self.dice, manner.never) {
            Act::Says("554 5.7.1 never")
        } else {
            Act::Goes
        }
    }

    async fn converse(&mut self) -> io::Result<()> {
        let greeting = format!("220 {} ESMTP", self.host.name);
        if self.step(&greeting).await?.is_none() {
            return Ok(());
        }
        while let Some(line) = self.line().await? {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let goes_on = match verb.as_str() {
                "EHLO" | "LHLO" => {
                    let offers = if self.dice.per_mille(700) { "250-PIPELINING\r\n" } else { "" };
                    let reply =
                        format!("250-{}\r\n{offers}250-8BITMIME\r\n250 ENHANCEDSTATUSCODES", self.host.name);
                    self.step(&reply).await?
                }
                "MAIL" => self.mail(&line).await?,
                "RCPT" => self.rcpt(&line).await?,
                "DATA" => self.data().await?,
                "RSET" | "NOOP" => self.step("250 2.0.0 ok").await?,
                "QUIT" => {
                    self.say("221 2.0.0 bye").await?;
                    None
                }
                _ => self.step("502 5.5.1 what").await?,
            };
            if goes_on.is_none() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Answers, or does what a misbehaving host does; whether it was the right answer, `None` if the visit is over.
    async fn step(&mut self, right: &str) -> io::Result<Option<bool>> {
        match self.act().await {
            Act::Goes => self.say(right).await.map(|()| Some(true)),
            Act::Closes => Ok(None),
            Act::Says(reply) => {
                self.say(reply).await?;
                Ok((!reply.starts_with("421")).then_some(false))
            }
        }
    }

    async fn mail(&mut self, line: &str) -> io::Result<Option<bool>> {
        self.recipients.clear();
        self.reverse_path.clear();
        let taken = self.step("250 2.1.0 ok").await?;
        if taken == Some(true) {
            self.reverse_path = path(line);
        }
        Ok(taken)
    }

    async fn rcpt(&mut self, line: &str) -> io::Result<Option<bool>> {
        let recipient = path(line).trim_matches(['<', '>']).to_owned();
        if self.reverse_path.is_empty() {
            return self.step("503 5.5.1 MAIL first").await;
        }
        if self.host.manner.takes_nobody || recipient.starts_with("no") {
            return self.step("550 5.1.1 no such user").await;
        }
        if recipient.starts_with("full") {
            return self.step("452 4.2.2 mailbox full").await;
        }
        let taken = self.step("250 2.1.5 ok").await?;
        if taken == Some(true) {
            self.recipients.push(recipient);
        }
        Ok(taken)
    }

    async fn data(&mut self) -> io::Result<Option<bool>> {
        if self.recipients.is_empty() {
            return self.step("554 5.5.1 no valid recipients").await;
        }
        let goes = self.step("354 go on").await?;
        if goes != Some(true) {
            return Ok(goes);
        }
        if self.host.weather.strikes(&mut self.dice, self.host.manner.closes) {
            return Ok(None);
        }
        let mut content = Vec::new();
        loop {
            let Some(line) = self.line().await? else { return Ok(None) };
            if line == b".\r\n" {
                break;
            }
            content.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        let (recipients, read) = (std::mem::take(&mut self.recipients), Instant::now());
        if self.host.manner.is_lmtp {
            // each recipient has a reply of its own (RFC 2033 §4.2)
            for recipient in recipients {
                let goes_on = self.end_of_content(&[recipient], &content, read).await?;
                if goes_on.is_none() || self.host.manner.answers_once {
                    return Ok(None);
                }
            }
            return Ok(Some(true));
        }
        self.end_of_content(&recipients, &content, read).await
    }

    /// Takes the message or does not, and tells or does not.
    async fn end_of_content(
        &mut self,
        recipients: &[String],
        content: &[u8],
        read: Instant,
    ) -> io::Result<Option<bool>> {
        let act = self.act().await;
        if let Act::Says(reply) = act {
            self.say(reply).await?;
            return Ok((!reply.starts_with("421")).then_some(false));
        }
        let (weather, manner) = (self.host.weather.clone(), self.host.manner);
        let is_kept = matches!(act, Act::Goes) || self.dice.per_mille(500);
        if !is_kept {
            return Ok(None);
        }
        let keeps = self.host.ledger.keep(&self.reverse_path, recipients, content, read);
        let what = format!("keeps a message for {} on connection {}", recipients.join(" "), self.number);
        self.host.journal.note(&self.host.name, what);
        if matches!(act, Act::Closes) {
            return Ok(None);
        }
        if weather.strikes(&mut self.dice, manner.slow) {
            sleep(Duration::from_secs(11 * 60)).await;
        }
        self.say("250 2.0.0 kept").await?;
        self.host.ledger.answered(&keeps, &self.stream.get_ref().receipt());
        Ok(Some(true))
    }
}

/// The path of a MAIL or RCPT command, with its brackets.
fn path(line: &str) -> String {
    let from = line.find('<').unwrap_or(line.len());
    let rest = line.get(from..).unwrap_or_default();
    let to = rest.find('>').map_or(rest.len(), |at| at + 1);
    rest.get(..to).unwrap_or_default().to_owned()
}
