//! What the server says of itself: the greeting, and the list of its extensions (RFC 5321 §4.1.1.1, §4.3.1).

use alloc::format;

use smtpkit_codec::{
    Arguments, DateTime, EhloReply, EhloReplyBuilder, Encode as _, Extension, FutureRelease, Interval,
    Limits, Reply, ReplyCode, SizeLimit,
};

use super::config::{Authentication, Protocol, TlsRule};
use super::extensions::Extensions;
use super::machine::Server;
use super::refusals;

/// What XCLIENT may tell.
const XCLIENT_ATTRIBUTES: &str = "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT";
/// What XFORWARD may tell.
const XFORWARD_ATTRIBUTES: &str = "NAME ADDR PORT PROTO HELO IDENT SOURCE";

/// Extensions whose keyword stands alone.
const WITHOUT_ARGUMENTS: [(Extensions, Extension<'_>); 8] = [
    (Extensions::PIPELINING, Extension::Pipelining),
    (Extensions::EIGHT_BIT_MIME, Extension::EightBitMime),
    (Extensions::BINARYMIME, Extension::BinaryMime),
    (Extensions::CHUNKING, Extension::Chunking),
    (Extensions::SMTPUTF8, Extension::SmtpUtf8),
    (Extensions::DSN, Extension::Dsn),
    (Extensions::ENHANCEDSTATUSCODES, Extension::EnhancedStatusCodes),
    (Extensions::RRVS, Extension::Rrvs),
];

impl Server {
    /// The greeting of a session.
    pub(super) fn greeting(&self) -> Reply {
        let protocol = match self.config.protocol {
            Protocol::Smtp => "ESMTP",
            Protocol::Lmtp => "LMTP",
        };
        let text = format!("{} {protocol} smtpkit", self.config.hostname);
        // A domain holds no control octets, so this is a reply.
        Reply::new(ReplyCode::SERVICE_READY, None, &text).unwrap_or(refusals::LOCAL_ERROR)
    }

    /// Queues the reply to EHLO, HELO or LHLO.
    pub(super) fn announce(&mut self) {
        let builder = EhloReply::builder(self.config.hostname.as_ref());
        let builder = if self.is_extended { self.extensions(builder) } else { builder };
        match builder.build() {
            Ok(reply) => reply.encode(&mut self.output),
            // Only a list of mechanisms beyond 512 octets gets here.
            Err(_) => self.say(&refusals::LOCAL_ERROR),
        }
    }

    fn extensions(&self, mut builder: EhloReplyBuilder) -> EhloReplyBuilder {
        let config = &self.config;
        let has = |extension| config.extensions.has(extension);
        for (extension, announcement) in WITHOUT_ARGUMENTS {
            if has(extension) {
                builder = builder.push(announcement);
            }
        }
        if has(Extensions::SIZE) {
            builder = builder.push(Extension::Size(SizeLimit::Octets(config.limits.message_octets_max)));
        }
        if has(Extensions::LIMITS) {
            let mails =
                config.limits.transactions_max.map(|max| format!(" MAILMAX={max}")).unwrap_or_default();
            let limits = format!("RCPTMAX={}{mails}", config.limits.recipients_max);
            builder = push(builder, Limits::new(&limits).ok().map(Extension::Limits));
        }
        if has(Extensions::REQUIRETLS) && self.channel.is_tls() {
            builder = builder.push(Extension::RequireTls);
        }
        if config.tls != TlsRule::Unavailable && !self.channel.is_tls() {
            builder = builder.push(Extension::StartTls);
        }
        let mechanisms = self.channel.mechanisms();
        if config.authentication != Authentication::Unavailable
            && !mechanisms.is_empty()
            && !self.is_authenticated
        {
            builder = push(builder, Arguments::new(mechanisms).ok().map(Extension::Auth));
        }
        self.opted_in(builder)
    }

    /// Extensions that an operator has to ask for.
    fn opted_in(&self, mut builder: EhloReplyBuilder) -> EhloReplyBuilder {
        let has = |extension| self.config.extensions.has(extension);
        if has(Extensions::DELIVERBY) {
            builder = builder.push(Extension::DeliverBy(None));
        }
        if has(Extensions::MT_PRIORITY) {
            builder = push(builder, Arguments::new("MIXER").ok().map(Extension::MtPriority));
        }
        if has(Extensions::FUTURERELEASE) {
            builder = push(builder, longest_hold());
        }
        if has(Extensions::XCLIENT) {
            builder = push(builder, Arguments::new(XCLIENT_ATTRIBUTES).ok().map(Extension::Xclient));
        }
        if has(Extensions::XFORWARD) {
            builder = push(builder, Arguments::new(XFORWARD_ATTRIBUTES).ok().map(Extension::Xforward));
        }
        builder.push(Extension::Help)
    }
}

/// Mail is held for at most a bit less than a year, and until the end of the years of four digits (RFC 4865 §4).
fn longest_hold() -> Option<Extension<'static>> {
    let interval = Interval::new(31_536_000 - 1).ok()?;
    let date_time = DateTime::new("9999-12-31T23:59:59Z").ok()?;
    FutureRelease::new(interval, date_time).ok().map(Extension::FutureRelease)
}

fn push(builder: EhloReplyBuilder, extension: Option<Extension<'_>>) -> EhloReplyBuilder {
    match extension {
        Some(extension) => builder.push(extension),
        None => builder,
    }
}
