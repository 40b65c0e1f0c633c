//! From a recipient to its next hops.
//!
//! ```text
//! recipient ─► an address that we rewrote (SRS)?  ─► whom it stands for
//!           ─► the rows in their order, first match wins ─► alias: each target once more from the top
//!           ─► a local domain: the mailbox, the one before +tag, postmaster, the catch-all of the domain, or 550
//!           ─► another domain: the smarthost if there is one, else its MX hosts
//! ```
//!
//! An alias that names itself means its own mailbox; one that only leads round in a circle is refused. Aliases are
//! followed [`DEPTH_MAX`] deep and to at most [`LEGS_MAX`] addresses.

use std::collections::BTreeMap;
use std::sync::Arc;

use smtpkit_codec::address::{Domain, ForwardPath, ForwardPathRef, Mailbox, MailboxRef};
use smtpkit_codec::{EnhancedStatusCode, Reply, ReplyCode, StatusClass};
use smtpkit_server::Refusal;

use super::{Destination, Pattern, RouteError, Smarthost};
use crate::NextHop;
use crate::directory::{Directory, canonical_domain, canonical_local_part};
use crate::resolve::OwnNames;
use crate::srs::SrsKeys;

/// Aliases inside aliases.
const DEPTH_MAX: usize = 10;
/// Addresses that one recipient can become.
pub const LEGS_MAX: usize = 1_000;

/// One way that mail for a recipient goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leg {
    /// The address as the next hop hears it.
    pub path: ForwardPath,
    /// Where it goes.
    pub hop: NextHop,
    /// What becomes of the reverse-path.
    pub sender: Sender,
    /// How the address came about.
    pub via: Via,
}

/// What becomes of the reverse-path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sender {
    /// It stays.
    Keep,
    /// Mail leaves for another domain on behalf of a recipient here: a foreign reverse-path is rewritten (SRS).
    Rewrite,
    /// The owner of the list takes its place.
    Owner(Mailbox),
}

/// How the address of a leg came about, which decides who reports success (RFC 3461 §5.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Via {
    /// It is the recipient's own.
    Itself,
    /// It is the sender for whom an address of ours stood (SRS).
    Restored,
    /// It is the one address that an alias stands for.
    Alias,
    /// It is one of several, or a member of a list.
    Expansion,
}

/// The routing table of a relay, with the mailboxes and smarthosts that it leads to.
///
/// ```
/// use smtpkit_relay::{Destination, Directory, NextHop, Routes};
///
/// let mut directory = Directory::default();
/// directory.add_mailbox("bob@example.test")?;
/// let routes = Routes::builder("mx.example.test", directory)
///     .route("sales@example.test", Destination::alias(["bob@example.test", "carol@elsewhere.test"])?)?
///     .build();
/// let path: smtpkit_codec::ForwardPath = "sales@example.test".parse()?;
/// let legs = routes.resolve(path.as_ref(), 20_000).unwrap();
/// let hops: Vec<_> = legs.iter().map(|leg| leg.hop.to_string()).collect();
/// assert_eq!(hops, ["mailbox:bob@example.test", "mx:elsewhere.test"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Routes {
    hostname: Box<str>,
    own: OwnNames,
    directory: Directory,
    rows: Vec<(Pattern, Destination)>,
    default: Option<Box<str>>,
    smarthosts: BTreeMap<Box<str>, Arc<Smarthost>>,
    srs: Option<(Domain, SrsKeys)>,
}

/// Makes [`Routes`].
#[derive(Clone)]
pub struct RoutesBuilder(Routes);

impl RoutesBuilder {
    /// Adds a row below those that are there.
    ///
    /// # Errors
    /// If `pattern` is none.
    pub fn route(mut self, pattern: &str, destination: Destination) -> Result<Self, RouteError> {
        let pattern = pattern.parse()?;
        if let Destination::Smarthost(smarthost) = &destination {
            self.0.smarthosts.insert(smarthost.name().into(), Arc::new((**smarthost).clone()));
        }
        self.0.rows.push((pattern, destination));
        Ok(self)
    }

    /// Sends all mail for other domains to this server, not to their MX hosts.
    #[must_use]
    pub fn smarthost(mut self, smarthost: Smarthost) -> Self {
        let name: Box<str> = smarthost.name().into();
        self.0.smarthosts.insert(name.clone(), Arc::new(smarthost));
        self.0.default = Some(name);
        self
    }

    /// Rewrites the reverse-path of forwarded mail to an address at `domain`, which has to be local.
    #[must_use]
    pub fn srs(mut self, domain: Domain, keys: SrsKeys) -> Self {
        self.0.srs = Some((domain, keys));
        self
    }

    /// Further host names that are ours when they stand in an MX record.
    #[must_use]
    pub fn own_names<I: IntoIterator<Item: AsRef<str>>>(mut self, names: I) -> Self {
        let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self.0.own = OwnNames::new(names.iter().map(String::as_str).chain([&*self.0.hostname]));
        self
    }

    /// The table.
    #[must_use]
    pub fn build(self) -> Routes {
        self.0
    }
}

impl Routes {
    /// Starts with the mailboxes of `directory`; everything else goes to the MX hosts of its domain.
    #[must_use]
    pub fn builder(hostname: &str, directory: Directory) -> RoutesBuilder {
        RoutesBuilder(Self {
            hostname: hostname.into(),
            own: OwnNames::new([hostname]),
            directory,
            rows: Vec::new(),
            default: None,
            smarthosts: BTreeMap::new(),
            srs: None,
        })
    }

    /// The name of this system.
    #[must_use]
    pub const fn hostname(&self) -> &str {
        &self.hostname
    }

    /// The local mailboxes.
    #[must_use]
    pub const fn directory(&self) -> &Directory {
        &self.directory
    }

    pub(crate) const fn own_names(&self) -> &OwnNames {
        &self.own
    }

    pub(crate) fn smarthost(&self, name: &str) -> Option<Arc<Smarthost>> {
        self.smarthosts.get(name).cloned()
    }

    /// Where mail for `path` goes; `day` counts from 1970 and is for addresses that expire.
    ///
    /// # Errors
    /// The reply that refuses the recipient.
    pub fn resolve(&self, path: ForwardPathRef<'_>, day: u64) -> Result<Vec<Leg>, Reply> {
        let Some(mailbox) = path.mailbox() else {
            let postmaster = self.directory.postmaster().ok_or_else(no_such_user)?;
            let (path, hop) = (path.to_owned(), NextHop::Mailbox(postmaster));
            return Ok(vec![Leg { path, hop, sender: Sender::Keep, via: Via::Itself }]);
        };
        let mut expansion = Expansion { routes: self, day, above: Vec::new(), legs: Vec::new() };
        expansion.expand(mailbox, &Sender::Keep, Via::Itself)?;
        Ok(expansion.legs)
    }

    /// Targets of aliases and lists that take no mail, each once: most likely mistakes, because a target that takes none is
    /// left out without a word as long as another one does. Only the first [`LEGS_MAX`] targets are looked at.
    #[must_use]
    pub fn dead_ends(&self) -> Vec<Mailbox> {
        let targets = self.rows.iter().flat_map(|(_, destination)| match destination {
            Destination::Alias(targets) | Destination::List { members: targets, .. } => targets.as_slice(),
            _ => &[],
        });
        let mut found: Vec<Mailbox> = Vec::new();
        for target in targets.take(LEGS_MAX) {
            let path = ForwardPath::from(target.clone());
            if self.resolve(path.as_ref(), 0).is_err() && !found.contains(target) {
                found.push(target.clone());
            }
        }
        found
    }

    /// The next hop of mail for another domain.
    fn foreign(&self, mailbox: MailboxRef<'_>) -> NextHop {
        match &self.default {
            Some(name) => NextHop::Smarthost(name.clone()),
            None => NextHop::Mx(canonical_domain(mailbox.domain_text()).into()),
        }
    }

    /// The next hop of mail for an address that is no recipient of ours, whatever it looks like: a row counts only if it
    /// names a smarthost.
    fn way_to(&self, mailbox: MailboxRef<'_>) -> NextHop {
        let (local_part, domain) = (canonical_local_part(mailbox), canonical_domain(mailbox.domain_text()));
        let row = self.rows.iter().find(|(pattern, _)| pattern.matches_canonical(&local_part, &domain));
        match row.map(|(_, destination)| destination) {
            Some(Destination::Smarthost(smarthost)) => NextHop::Smarthost(smarthost.name().into()),
            _ => self.foreign(mailbox),
        }
    }

    /// The address that forwarded mail from `sender` gets as its reverse-path; `None` if `sender` can stay: it stands for
    /// somebody already, or there are no keys, or no valid address comes out. Senders of ours keep their domain; they are
    /// rewritten because the reports of later hops tell whom the mail was for, and come here then to be told anew.
    pub(crate) fn rewritten(&self, sender: MailboxRef<'_>, day: u64) -> Option<Mailbox> {
        let (domain, keys) = self.srs.as_ref()?;
        let is_ours = self.directory.is_local(sender);
        if is_ours && SrsKeys::is_srs(sender) {
            return None;
        }
        match keys.rewrite(sender, if is_ours { sender.domain_text() } else { domain.as_str() }, day) {
            Ok(mailbox) => Some(mailbox),
            Err(error) => {
                tracing::warn!(target: "smtpkit::relay", %sender, %error, "the reverse-path of forwarded mail stays");
                None
            }
        }
    }

    /// Whom an address of ours stands for.
    fn restored(&self, mailbox: MailboxRef<'_>, day: u64) -> Option<Result<Mailbox, Reply>> {
        let (_, keys) = self.srs.as_ref()?;
        if !SrsKeys::is_srs(mailbox) || !self.directory.is_local(mailbox) {
            return None;
        }
        Some(keys.restore(mailbox, day).map_err(|_| no_such_user()))
    }

    /// The sender whom an address of ours stands for; none if it is no such address.
    pub(crate) fn original(&self, mailbox: MailboxRef<'_>, day: u64) -> Option<Mailbox> {
        self.restored(mailbox, day)?.ok()
    }
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routes")
            .field("hostname", &self.hostname)
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

fn no_such_user() -> Reply {
    Refusal::no_such_user().reply().clone()
}

fn alias_loop() -> Reply {
    const REPLY: Reply = Reply::fixed(
        ReplyCode::new(550).expect("invariant: 550 is a reply code"),
        EnhancedStatusCode::new(StatusClass::Permanent, 4, 6),
        "the alias leads back to itself",
    );
    REPLY
}

/// A recipient on its way through the table.
struct Expansion<'r> {
    routes: &'r Routes,
    day: u64,
    /// The canonical addresses that are being expanded.
    above: Vec<(String, String)>,
    legs: Vec<Leg>,
}

impl Expansion<'_> {
    fn expand(&mut self, mailbox: MailboxRef<'_>, sender: &Sender, via: Via) -> Result<(), Reply> {
        let routes = self.routes;
        if let Some(restored) = routes.restored(mailbox, self.day) {
            let original = restored?;
            let via = if via == Via::Itself { Via::Restored } else { via };
            if routes.directory.is_local(original.as_ref()) && !SrsKeys::is_srs(original.as_ref()) {
                return self.expand(original.as_ref(), sender, via);
            }
            // an address of ours is good for one step: what it stands for is foreign, whatever it looks like
            let hop = routes.way_to(original.as_ref());
            return self.push(original.into(), hop, sender, via);
        }
        let name = (canonical_local_part(mailbox), canonical_domain(mailbox.domain_text()));
        let is_again = self.above.contains(&name);
        let row = routes.rows.iter().find(|(pattern, _)| pattern.matches_canonical(&name.0, &name.1));
        let path = || ForwardPath::from(mailbox.to_owned());
        match row.map(|(_, destination)| destination) {
            _ if is_again => self.mailbox(mailbox, sender, via).map_err(|_| alias_loop()),
            Some(Destination::Alias(targets)) => {
                let via = match via {
                    Via::Restored => via,
                    Via::Itself | Via::Alias if targets.len() == 1 => Via::Alias,
                    _ => Via::Expansion,
                };
                self.targets(name, targets, sender, via)
            }
            Some(Destination::List { owner, members }) => {
                self.targets(name, members, &Sender::Owner(owner.clone()), Via::Expansion)
            }
            Some(Destination::Maildir(folder)) => {
                self.push(path(), NextHop::Maildir(folder.clone()), sender, via)
            }
            Some(Destination::Lmtp(url)) => {
                self.push(path(), NextHop::Lmtp(url.to_string().into()), sender, via)
            }
            Some(Destination::Smarthost(smarthost)) => {
                self.push(path(), NextHop::Smarthost(smarthost.name().into()), sender, via)
            }
            Some(Destination::Reject(reply)) => Err(reply.clone()),
            Some(Destination::Discard) => self.push(path(), NextHop::Discard, sender, via),
            None => self.mailbox(mailbox, sender, via),
        }
    }

    /// Each target of an alias. One that takes no mail is left out as long as another one does.
    fn targets(
        &mut self,
        name: (String, String),
        targets: &[Mailbox],
        sender: &Sender,
        via: Via,
    ) -> Result<(), Reply> {
        if self.above.len() >= DEPTH_MAX {
            return Err(alias_loop());
        }
        self.above.push(name);
        let before = self.legs.len();
        let mut refused = None;
        for target in targets {
            if let Err(reply) = self.expand(target.as_ref(), sender, via) {
                tracing::debug!(target: "smtpkit::relay", %target, %reply, "the target of an alias takes no mail");
                refused.get_or_insert(reply);
            }
        }
        self.above.pop();
        match refused {
            Some(reply) if self.legs.len() == before => Err(reply),
            _ => Ok(()),
        }
    }

    /// What lies below the table.
    fn mailbox(&mut self, mailbox: MailboxRef<'_>, sender: &Sender, via: Via) -> Result<(), Reply> {
        let path = ForwardPath::from(mailbox.to_owned());
        if self.routes.directory.is_local(mailbox) {
            let found = self.routes.directory.resolve(mailbox).ok_or_else(no_such_user)?;
            return self.push(path, NextHop::Mailbox(found), sender, via);
        }
        self.push(path, self.routes.foreign(mailbox), sender, via)
    }

    fn push(&mut self, path: ForwardPath, hop: NextHop, sender: &Sender, via: Via) -> Result<(), Reply> {
        if self.legs.len() >= LEGS_MAX {
            return Err(alias_loop());
        }
        let is_foreign = matches!(hop, NextHop::Mx(_) | NextHop::Smarthost(_));
        let sender = if is_foreign && matches!(via, Via::Alias | Via::Expansion) && *sender == Sender::Keep {
            &Sender::Rewrite
        } else {
            sender
        };
        let leg = Leg { path, hop, sender: sender.clone(), via };
        if !self.legs.iter().any(|known| known.path == leg.path && known.hop == leg.hop) {
            self.legs.push(leg);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use smtpkit_auth::Secret;

    use super::*;

    const DAY: u64 = 20_000;

    fn builder() -> RoutesBuilder {
        let mut directory = Directory::default();
        for address in ["alice@example.test", "bob@example.test"] {
            directory.add_mailbox(address).unwrap();
        }
        Routes::builder("mx.example.test", directory)
    }

    fn alias(targets: &[&str]) -> Destination {
        Destination::alias(targets).unwrap()
    }

    fn hops(routes: &Routes, address: &str) -> String {
        let path: ForwardPath = address.parse().unwrap();
        match routes.resolve(path.as_ref(), DAY) {
            Ok(legs) => legs.iter().map(|leg| leg.hop.to_string()).collect::<Vec<_>>().join(" "),
            Err(reply) => reply.to_string(),
        }
    }

    #[test]
    fn the_first_row_that_matches_wins() {
        let routes = builder()
            .route("bob@example.test", Destination::reject("550 5.7.1 bob has left").unwrap())
            .unwrap()
            .route("alice+*@example.test", Destination::Maildir("/srv/tags".into()))
            .unwrap()
            .route("/^t-[0-9]+@/", Destination::Discard)
            .unwrap()
            .route("*@all.test", alias(&["alice@example.test"]))
            .unwrap()
            .route("x@all.test", Destination::Discard)
            .unwrap()
            .route(
                "*@via.test",
                Destination::smarthost(Smarthost::new("smtp://hub.test:25?tls=off").unwrap()),
            )
            .unwrap()
            .route("in@lmtp.test", Destination::lmtp("lmtp+unix:/run/lmtp.sock").unwrap())
            .unwrap()
            .build();
        for (address, expected) in [
            ("bob@example.test", "550 5.7.1 bob has left"),
            ("alice@example.test", "mailbox:alice@example.test"),
            ("alice+x@example.test", "maildir:/srv/tags"),
            ("t-42@anywhere.test", "discard:"),
            ("x@all.test", "mailbox:alice@example.test"),
            ("y@via.test", "via:smtp://hub.test:25?tls=off"),
            ("in@lmtp.test", "lmtp:lmtp+unix:/run/lmtp.sock"),
            ("nobody@example.test", "550 5.1.1 no such user here"),
            ("someone@Elsewhere.test", "mx:elsewhere.test"),
            ("someone@[192.0.2.1]", "mx:[192.0.2.1]"),
            ("<Postmaster>", "mailbox:alice@example.test"),
        ] {
            assert_eq!(hops(&routes, address), expected, "{address}");
        }
    }

    #[test]
    fn aliases_lead_on_and_stop() {
        let routes = builder()
            .route(
                "both@example.test",
                alias(&["alice@example.test", "bob@example.test", "ALICE@example.test"]),
            )
            .unwrap()
            .route("bob@example.test", alias(&["bob@example.test", "carol@elsewhere.test"]))
            .unwrap()
            .route("a@example.test", alias(&["b@example.test"]))
            .unwrap()
            .route("b@example.test", alias(&["a@example.test"]))
            .unwrap()
            .route("gone@example.test", alias(&["nobody@example.test"]))
            .unwrap()
            .route("half@example.test", alias(&["nobody@example.test", "alice@example.test"]))
            .unwrap()
            .build();
        let both = "mailbox:alice@example.test mailbox:bob@example.test mx:elsewhere.test";
        assert!(hops(&routes, "both@example.test").starts_with(both));
        assert_eq!(hops(&routes, "bob@example.test"), "mailbox:bob@example.test mx:elsewhere.test");
        assert_eq!(hops(&routes, "a@example.test"), "550 5.4.6 the alias leads back to itself");
        assert_eq!(hops(&routes, "gone@example.test"), "550 5.1.1 no such user here");
        assert_eq!(hops(&routes, "half@example.test"), "mailbox:alice@example.test");
        let dead: Vec<String> = routes.dead_ends().iter().map(ToString::to_string).collect();
        assert_eq!(dead, ["b@example.test", "a@example.test", "nobody@example.test"]);
    }

    #[test]
    fn forwarded_mail_gets_a_reverse_path_of_ours_and_reports_come_back() {
        let keys = SrsKeys::new([Secret::new(*b"sixteen octets..")]).unwrap();
        let routes = builder()
            .route("out@example.test", alias(&["carol@elsewhere.test"]))
            .unwrap()
            .route(
                "list@example.test",
                Destination::list("owner@example.test", ["carol@elsewhere.test"]).unwrap(),
            )
            .unwrap()
            .route("eve@sender.test", alias(&["alice@example.test"]))
            .unwrap()
            .route(
                "*@partner.test",
                Destination::smarthost(Smarthost::new("smtp://hub.test:25?tls=off").unwrap()),
            )
            .unwrap()
            .srs("example.test".parse().unwrap(), keys)
            .build();
        let legs =
            |address: &str| routes.resolve(address.parse::<ForwardPath>().unwrap().as_ref(), DAY).unwrap();
        assert_eq!(legs("out@example.test")[0].sender, Sender::Rewrite);
        assert_eq!(legs("out@example.test")[0].via, Via::Alias);
        assert_eq!(legs("carol@elsewhere.test")[0].sender, Sender::Keep);
        assert_eq!(legs("list@example.test")[0].sender, Sender::Owner("owner@example.test".parse().unwrap()));

        let foreign: Mailbox = "ada@sender.test".parse().unwrap();
        let ours: Mailbox = "alice@example.test".parse().unwrap();
        let rewritten = routes.rewritten(foreign.as_ref(), DAY).unwrap();
        let own = routes.rewritten(ours.as_ref(), DAY).unwrap();
        assert_eq!(own.as_ref().domain_text(), "example.test");
        assert_eq!(hops(&routes, own.as_str()), "mailbox:alice@example.test");
        assert_eq!(routes.original(own.as_ref(), DAY), Some(ours));
        assert_eq!(routes.rewritten(own.as_ref(), DAY), None, "once is enough");
        assert_eq!(hops(&routes, rewritten.as_str()), "mx:sender.test");
        // the way to a host counts, what the table makes of a recipient does not
        for (sender, way) in
            [("ada@partner.test", "via:smtp://hub.test:25?tls=off"), ("eve@sender.test", "mx:sender.test")]
        {
            let rewritten = routes.rewritten(sender.parse::<Mailbox>().unwrap().as_ref(), DAY).unwrap();
            assert_eq!(hops(&routes, rewritten.as_str()), way);
        }
        assert_eq!(
            hops(&routes, "SRS0=aaaaaa=aa=sender.test=eve@example.test"),
            "550 5.1.1 no such user here"
        );
    }

    #[test]
    fn a_smarthost_takes_all_that_is_not_local() {
        let routes = builder().smarthost(Smarthost::new("smtps://me@hub.test").unwrap()).build();
        assert_eq!(hops(&routes, "x@elsewhere.test"), "via:me smtps://hub.test:465");
        assert_eq!(hops(&routes, "bob@example.test"), "mailbox:bob@example.test");
        assert!(routes.smarthost("me smtps://hub.test:465").is_some());
    }
}
