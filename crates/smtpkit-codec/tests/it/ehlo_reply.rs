//! The reply to EHLO: what a server announces is what a client reads.

use proptest::prelude::*;
use proptest::sample::select;
use smtpkit_codec::{
    Arguments, DateTime, DomainRef, EhloReply, EhloReplyRef, Encode, Extension, FutureRelease, Interval,
    Keyword, Limits, MechanismName, ReplyDecoder, ReplyError, ReplyRef, ReplyStep, SizeLimit, Solicitation,
    UnknownExtension,
};

use super::words;

fn reply(octets: &[u8]) -> ReplyRef<'_> {
    match ReplyDecoder::new().decode(octets) {
        ReplyStep::Reply { reply, consumed } if consumed == octets.len() => reply,
        other => panic!("not one whole reply: {other:?}"),
    }
}

fn line() -> impl Strategy<Value = String> {
    let keyword = select(Keyword::ALL).prop_map(|keyword| keyword.as_str().to_owned());
    prop_oneof![
        keyword.clone(),
        (keyword, "[A-Z0-9=:.-]{1,9}( [A-Z0-9=-]{1,9}){0,2}")
            .prop_map(|(keyword, words)| format!("{keyword} {words}")),
        any::<u64>().prop_map(|octets| format!("SIZE {octets}")),
        "AUTH=?( [A-Z0-9-]{1,9}){1,4}",
        "LIMITS( (RCPTMAX|MAILMAX|X-OWN)=[0-9]{1,6}){1,3}",
        (1..=999_999_999_u32, words::date_time())
            .prop_map(|(seconds, moment)| format!("FUTURERELEASE {seconds} {moment}")),
        "X-[A-Z0-9]{1,6}( [!-~]{1,6}){0,3}",
    ]
}

proptest! {
    #[test]
    fn announcements_come_back(domain in words::domain(), lines in prop::collection::vec(line(), 0..12)) {
        let extensions: Vec<Extension<'_>> = lines.iter().map(|line| Extension::parse(line).unwrap()).collect();
        let built = extensions.iter().fold(EhloReply::builder(DomainRef::parse(&domain).unwrap()), |built, &extension| built.push(extension));
        let wire = built.build().unwrap().to_vec();
        let read = EhloReplyRef::parse(reply(&wire)).unwrap();
        prop_assert_eq!(read.domain(), Some(&domain[..]));
        prop_assert_eq!(read.extensions().collect::<Vec<_>>(), extensions.clone());
        for &keyword in Keyword::ALL {
            let announced = extensions.iter().find(|extension| extension.keyword() == Some(keyword));
            prop_assert_eq!(read.has(keyword), announced.is_some());
            prop_assert_eq!(read.get(keyword), announced.copied());
        }
        let owned = read.to_owned();
        prop_assert_eq!(owned.to_vec(), wire.clone());
        prop_assert_eq!(owned.to_reply().to_vec(), wire);
    }

    #[test]
    fn any_reply_is_read_without_panic(lines in prop::collection::vec("[ -~é=\t]{0,20}", 1..8)) {
        let last = lines.len() - 1;
        let wire: String = lines.iter().enumerate().map(|(at, line)| format!("250{}{line}\r\n", if at == last { ' ' } else { '-' })).collect();
        let read = EhloReplyRef::parse(reply(wire.as_bytes())).unwrap();
        prop_assert!(read.extensions().count() < lines.len());
        prop_assert!(read.auth_mechanisms().count() <= wire.len());
        let _ = (read.size(), read.limits(), read.future_release(), read.greeting(), read.domain());
        for &keyword in Keyword::ALL {
            prop_assert!(read.has(keyword) || read.get(keyword).is_none());
        }
    }

    #[test]
    fn an_announcement_that_is_read_is_written_the_same(text in prop_oneof![line(), any::<String>()]) {
        if let Ok(extension) = Extension::parse(&text) {
            let written = extension.to_string();
            prop_assert_eq!(Extension::parse(&written).unwrap(), extension);
        }
    }
}

#[test]
fn a_real_reply_is_read_whole() {
    let octets = b"250-mx.example.com Hello client [192.0.2.7]\r\n250-SIZE 36700160\r\n250-8bitmime\r\n250-PIPELINING\r\n\
        250-AUTH PLAIN LOGIN\r\n250-AUTH=LOGIN CRAM-MD5\r\n250-LIMITS RCPTMAX=100 MAILMAX=20\r\n250-NO-SOLICITING\r\n\
        250-DELIVERBY 240\r\n250-X_ODD line\r\n250-\xff\xfe\r\n250-XOWN a  b\r\n250 SMTPUTF8\r\n";
    let read = EhloReplyRef::parse(reply(octets)).unwrap();
    assert_eq!((read.domain(), read.greeting()), (Some("mx.example.com"), Some("Hello client [192.0.2.7]")));
    assert_eq!(read.size(), Some(SizeLimit::Octets(36_700_160)));
    assert!(read.has(Keyword::EightBitMime) && read.has(Keyword::SmtpUtf8) && !read.has(Keyword::StartTls));
    let mechanisms = [MechanismName::PLAIN, MechanismName::LOGIN, MechanismName::CRAM_MD5];
    assert!(read.auth_mechanisms().eq(mechanisms), "each once, of both forms");
    assert_eq!(read.limits().unwrap().rcpt_max(), Some(100));
    assert_eq!(read.get(Keyword::NoSoliciting), Some(Extension::NoSoliciting(None)));
    assert_eq!(read.get(Keyword::DeliverBy), Some(Extension::DeliverBy(Some(240))));
    assert_eq!(read.unknown("xown").unwrap().iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(read.extensions().count(), 10, "lines that announce nothing are passed over");
}

#[test]
fn nothing_is_known_by_default_and_after_helo() {
    let nothing = EhloReply::default();
    assert_eq!((nothing.as_ref().domain(), nothing.as_ref().extensions().count()), (None, 0));
    let helo = EhloReplyRef::parse(reply(b"250 mx.example.com\r\n")).unwrap();
    assert_eq!((helo.domain(), helo.extensions().count()), (Some("mx.example.com"), 0));
    assert_eq!(EhloReplyRef::parse(reply(b"250\r\n")).unwrap().domain(), None);
}

#[test]
fn servers_build_every_announcement() {
    let moment = DateTime::new("2030-01-01T00:00:00Z").unwrap();
    let built = EhloReply::builder(DomainRef::parse("mx.example.com").unwrap())
        .push(Extension::Size(SizeLimit::Unlimited))
        .push(Extension::Auth(Arguments::new("PLAIN").unwrap()))
        .push(Extension::DeliverBy(None))
        .push(Extension::FutureRelease(FutureRelease::new(Interval::new(60).unwrap(), moment).unwrap()))
        .push(Extension::Limits(Limits::new("RCPTMAX=5").unwrap()))
        .push(Extension::NoSoliciting(Some(Solicitation::new("a").unwrap())))
        .push(Extension::Unknown(UnknownExtension::new("X-OWN", "").unwrap()))
        .build()
        .unwrap();
    let expected = "250-mx.example.com\r\n250-SIZE 0\r\n250-AUTH PLAIN\r\n250-DELIVERBY\r\n\
        250-FUTURERELEASE 60 2030-01-01T00:00:00Z\r\n250-LIMITS RCPTMAX=5\r\n250-NO-SOLICITING a\r\n250 X-OWN\r\n";
    assert_eq!(String::from_utf8(built.to_vec()).unwrap(), expected);
    let long = "X".repeat(600);
    let long = Extension::Unknown(UnknownExtension::new("X-OWN", &long).unwrap());
    let refused = EhloReply::builder(DomainRef::parse("mx.example.com").unwrap()).push(long).build();
    assert_eq!(refused.unwrap_err(), ReplyError::TooLong);
}
