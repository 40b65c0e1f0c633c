//! What the tests share: name servers, and a relay on a queue in memory.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hickory_server::Server as DnsServer;
use hickory_server::proto::rr::rdata::{A, AAAA, CNAME, MX, SOA};
use hickory_server::proto::rr::{Name, RData, Record};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use smtpkit_codec::MailParameters;
use smtpkit_relay::queue::{
    Batch, Entry, MemorySpool, Options as SpoolOptions, QueueId, Recipient, RedbSpool, Schedule, Spool,
    Staged, Timestamp,
};
use smtpkit_relay::{Directory, HickoryResolver, Options, Relay, Resolver, Routes};
use tempfile::TempDir;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Nothing in these tests takes longer on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// One record of the zone `test.`: a name below it, and what stands there.
#[derive(Clone, Copy)]
pub(crate) enum Has {
    Mx(u16, &'static str),
    Address([u8; 4]),
    Address6(Ipv6Addr),
    Alias(&'static str),
}

/// An authoritative name server for the zone `test.`, and for nothing else.
pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    _server: DnsServer<Catalog>,
}

impl Dns {
    pub(crate) async fn start(records: &[(&str, Has)]) -> Self {
        let name = |text: &str| Name::from_ascii(text).unwrap();
        let origin = name("test.");
        let mut zone: InMemoryZoneHandler =
            InMemoryZoneHandler::empty(origin.clone(), ZoneType::Primary, AxfrPolicy::Deny);
        let soa = SOA::new(name("ns.test."), name("admin.test."), 1, 60, 60, 60, 1);
        zone.upsert_mut(Record::from_rdata(origin.clone(), 60, RData::SOA(soa)), 0);
        for (owner, has) in records {
            let data = match *has {
                Has::Mx(preference, host) => RData::MX(MX::new(preference, name(host))),
                Has::Address([a, b, c, d]) => RData::A(A(Ipv4Addr::new(a, b, c, d))),
                Has::Address6(address) => RData::AAAA(AAAA(address)),
                Has::Alias(target) => RData::CNAME(CNAME(name(target))),
            };
            zone.upsert_mut(Record::from_rdata(name(owner), 60, data), 0);
        }
        let mut catalog = Catalog::new();
        catalog.upsert(origin.into(), vec![Arc::new(zone)]);
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let mut server = DnsServer::new(catalog);
        server.register_socket(socket);
        Self { address, _server: server }
    }

    pub(crate) fn resolver(&self) -> HickoryResolver {
        HickoryResolver::with_servers(&[self.address]).unwrap()
    }
}

/// A relay that runs, for example.test, where alice has a mailbox.
pub(crate) struct World {
    pub(crate) relay: Relay,
    pub(crate) folder: TempDir,
    schedule: Schedule,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl World {
    /// Tries again every second; its MX hosts listen on `mx_port`.
    pub(crate) fn start(dns: &Dns, mx_port: u16) -> Self {
        Self::with_schedule(dns, mx_port, Self::every_second())
    }

    fn every_second() -> Schedule {
        Schedule::new(vec![Duration::from_secs(1)]).unwrap().with_jitter(0).unwrap()
    }

    /// The same with another resolver.
    pub(crate) fn with_resolver(resolver: impl Resolver, mx_port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = options(mx_port, Self::every_second());
        Self::on(Arc::new(MemorySpool::new(1)), folder, Arc::new(resolver), options)
    }

    pub(crate) fn with_schedule(dns: &Dns, mx_port: u16, schedule: Schedule) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::on(Arc::new(MemorySpool::new(1)), folder, Arc::new(dns.resolver()), options(mx_port, schedule))
    }

    /// The same with other options; `change` is told the folder.
    pub(crate) fn with_options(
        dns: &Dns,
        mx_port: u16,
        schedule: Schedule,
        change: impl FnOnce(&mut Options, &Path),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = options(mx_port, schedule);
        change(&mut options, folder.path());
        Self::on(Arc::new(MemorySpool::new(1)), folder, Arc::new(dns.resolver()), options)
    }

    /// The same with its queue on the disk, where a commit takes its time.
    pub(crate) fn on_disk(dns: &Dns, mx_port: u16, schedule: Schedule) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spool = RedbSpool::open(&folder.path().join("queue"), SpoolOptions::default()).unwrap();
        Self::on(Arc::new(spool), folder, Arc::new(dns.resolver()), options(mx_port, schedule))
    }

    fn on(spool: Arc<dyn Spool>, folder: TempDir, resolver: Arc<dyn Resolver>, options: Options) -> Self {
        let schedule = options.schedule.clone();
        let options = Options { data: folder.path().to_owned(), ..options };
        let mut directory = Directory::default();
        directory.add_mailbox("alice@example.test").unwrap();
        let routes = Routes::builder("us.test", directory).build();
        let relay = Relay::new(options, spool, resolver, routes);
        let stop = CancellationToken::new();
        let task = tokio::spawn({
            let (relay, stop) = (relay.clone(), stop.clone());
            async move { relay.run(stop).await }
        });
        Self { relay, folder, schedule, stop, task }
    }

    /// Queues a message from alice: recipients with their parameters.
    pub(crate) async fn send(&self, recipients: &[(&str, &str)], content: &'static str) -> QueueId {
        self.send_from("alice@example.test", recipients, content).await
    }

    pub(crate) async fn send_from(
        &self,
        from: &str,
        recipients: &[(&str, &str)],
        content: &'static str,
    ) -> QueueId {
        let now = Timestamp::from(SystemTime::now());
        let id = self.relay.spool().next_id(now);
        let terms = self.schedule.terms(now, MailParameters::default().as_ref());
        let mut entry = Entry::new(id, from.parse().unwrap()).with_terms(terms);
        for (path, parameters) in recipients {
            let domain = path.rsplit_once('@').unwrap().1;
            let hop = smtpkit_relay::NextHop::Mx(domain.into());
            let recipient = Recipient::new(path.parse().unwrap(), hop.site());
            entry = entry.with_recipient(recipient.with_parameters(parameters.parse().unwrap()));
        }
        let batch = Batch::default().accept(Staged::inline(content.as_bytes().to_vec()), [entry]);
        self.relay.spool().commit(batch).await.unwrap();
        self.relay.wake();
        id
    }

    /// What lies in alice's mailbox.
    pub(crate) fn reports(&self) -> Vec<String> {
        let new: PathBuf = self.folder.path().join("mail/example.test/alice/new");
        let Ok(files) = std::fs::read_dir(new) else { return Vec::new() };
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.relay.spool().counts().entries == 0
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn options(mx_port: u16, schedule: Schedule) -> Options {
    Options { mx_port, schedule, grace: Duration::from_millis(100), ..Options::new("") }
}

/// Waits until something has come about.
#[track_caller]
pub(crate) fn until(what: &'static str, mut is_so: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let asked = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, asked).await.is_ok(), "{caller}: {what}");
    }
}
