//! The handler of `serve`: mail for local mailboxes goes into their Maildirs.
//!
//! A `250` leaves only after the message lies synced in every mailbox that it is for.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use smtpkit_codec::envelope::Recipient;
use smtpkit_codec::reply::Reply;
use smtpkit_codec::trace::DateTime;
use smtpkit_server::maildir::{Incoming, Maildir};
use smtpkit_server::{
    Body, Handler, Peer, Refusal, RelayGrant, Role, Route, Session, Transaction, accepted_as,
};

use super::directory::{Directory, LocalMailbox};
use super::first_start::random;
use super::trace::HeaderPass;

/// Content is handed to the disk in pieces of about this size.
const PIECE_OCTETS: usize = 256 * 1024;
/// More Received fields than this are a mail loop (RFC 5321 §6.3).
const HOPS_MAX: usize = 50;

/// The directory as it is now; a reload puts another one in its place.
#[derive(Clone, Debug)]
pub(crate) struct SharedDirectory(Arc<RwLock<Arc<Directory>>>);

impl SharedDirectory {
    pub(crate) fn new(directory: Directory) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(directory))))
    }

    pub(crate) fn replace(&self, directory: Directory) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(directory);
    }

    fn current(&self) -> Arc<Directory> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Makes one [`LocalDelivery`] for each connection.
#[derive(Clone, Debug)]
pub(crate) struct LocalMail {
    pub(crate) data: PathBuf,
    pub(crate) directory: SharedDirectory,
}

impl Handler for LocalMail {
    type Session = LocalDelivery;

    async fn connect(&self, _: &Peer) -> Result<LocalDelivery, Refusal> {
        Ok(LocalDelivery { mail: self.clone(), mailboxes: Vec::new() })
    }
}

/// One connection: the mailboxes of the transaction in progress.
#[derive(Debug)]
pub(crate) struct LocalDelivery {
    mail: LocalMail,
    mailboxes: Vec<LocalMailbox>,
}

impl Session for LocalDelivery {
    async fn mail(&mut self, _: &Peer, _: &Transaction) -> Result<(), Refusal> {
        self.mailboxes.clear();
        Ok(())
    }

    async fn rcpt<'a>(
        &mut self,
        _: &Peer,
        _: &Transaction,
        recipient: &Recipient,
        _: Option<RelayGrant<'a>>,
    ) -> Result<Route<'a>, Refusal> {
        let directory = self.mail.directory.current();
        let mailbox = match recipient.path.as_ref().mailbox() {
            Some(address) if directory.is_local(address) => {
                directory.resolve(address).ok_or_else(Refusal::no_such_user)?
            }
            Some(_) => return Err(Refusal::relaying_denied()),
            None => directory.postmaster().ok_or_else(Refusal::no_such_user)?,
        };
        self.mailboxes.push(mailbox);
        Ok(Route::local())
    }

    async fn message(
        &mut self,
        peer: &Peer,
        transaction: &Transaction,
        body: &mut Body<'_>,
    ) -> Result<Reply, Refusal> {
        let mut mailboxes = std::mem::take(&mut self.mailboxes);
        mailboxes.sort();
        mailboxes.dedup();
        let data = self.mail.data.clone();
        let (mut incoming, folders) = blocking(move || open(&data, &mailboxes)).await?;

        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let date = DateTime::new(now.cast_signed(), 0).ok_or_else(Refusal::try_later)?;
        let mut content = Content::new(peer, &date);
        content.waiting.extend(transaction.return_path());
        content.waiting.extend(transaction.received(peer, now.cast_signed()));
        while let Some(piece) = body.chunk().await? {
            content.push(&piece)?;
            if content.waiting.len() >= PIECE_OCTETS {
                let waiting = std::mem::take(&mut content.waiting);
                incoming = blocking(move || incoming.write(&waiting).map(|()| incoming)).await?;
            }
        }
        let waiting = content.finish()?;
        blocking(move || {
            incoming.write(&waiting)?;
            incoming.deliver(&folders)
        })
        .await?;
        Ok(accepted_as(transaction.id()))
    }
}

/// Opens the message's file and makes the mailbox folders that are not there yet.
fn open(data: &std::path::Path, mailboxes: &[LocalMailbox]) -> io::Result<(Incoming, Vec<Maildir>)> {
    let folders: Vec<Maildir> =
        mailboxes.iter().map(|mailbox| Maildir::create(mailbox.folder(data))).collect::<io::Result<_>>()?;
    let first = folders.first().ok_or_else(|| io::Error::other("a transaction without a mailbox"))?;
    Ok((Incoming::begin(first)?, folders))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// The message as it goes to the disk: trace fields, header, body.
struct Content {
    waiting: Vec<u8>,
    header: HeaderPass,
    /// What a submission that lacks them gets.
    fixes: Option<Fixes>,
}

struct Fixes {
    date: String,
    domain: String,
}

impl Content {
    fn new(peer: &Peer, date: &DateTime) -> Self {
        let fixes = (peer.role() == Role::Submission)
            .then(|| Fixes { date: date.to_string(), domain: peer.hostname().to_owned() });
        Self { waiting: Vec::new(), header: HeaderPass::default(), fixes }
    }

    fn push(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        let rest = self.header.push(piece, &mut self.waiting);
        if self.header.hops() > HOPS_MAX {
            return Err(Refusal::mail_loop());
        }
        if self.header.is_complete() {
            self.end_header()?;
        }
        self.waiting.extend_from_slice(rest);
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<u8>, Refusal> {
        if !self.header.is_complete() {
            self.header.finish(&mut self.waiting);
            self.end_header()?;
        }
        Ok(self.waiting)
    }

    fn end_header(&mut self) -> Result<(), Refusal> {
        if let Some(fixes) = self.fixes.take() {
            if !self.waiting.ends_with(b"\n") {
                self.waiting.extend_from_slice(b"\r\n");
            }
            if !self.header.has_date() {
                self.waiting.extend_from_slice(format!("Date: {}\r\n", fixes.date).as_bytes());
            }
            if !self.header.has_message_id() {
                let id = u128::from_be_bytes(random()?);
                let field = format!("Message-ID: <{id:032x}@{}>\r\n", fixes.domain);
                self.waiting.extend_from_slice(field.as_bytes());
            }
        }
        if let Some(separator) = self.header.take_separator() {
            self.waiting.extend(separator);
        }
        Ok(())
    }
}
