//! What we read and what smtp-proto and smtp-codec read must be the same on well-formed
//! input, but for the differences of the tables below, each with its reason.
//!
//! Every side's command is brought into one plain form. A difference that is not in a table
//! fails the test, and so does a row of a table that no longer differs.

use std::collections::BTreeSet;

use smtp_proto::{
    MAIL_BODY_7BIT, MAIL_BODY_8BITMIME, MAIL_BODY_BINARYMIME, MAIL_RET_FULL, MAIL_RET_HDRS, MAIL_SMTPUTF8,
    RCPT_NOTIFY_DELAY, RCPT_NOTIFY_FAILURE, RCPT_NOTIFY_NEVER, RCPT_NOTIFY_SUCCESS, Request,
};
use smtpkit_benches::codec::LINES;
use smtpkit_codec::{Command, Line, MailParametersRef, RcptParametersRef, ReplyDecoder, ReplyStep};

/// More well-formed lines: each place of the grammar of RFC 5321 §4.1 and of the extensions.
const MORE_LINES: &[&str] = &[
    "MAIL FROM:<a@b> SIZE=0\r\n",
    "MAIL FROM:<a@b> SIZE=18446744073709551615\r\n",
    "MAIL FROM:<a@b> BODY=7BIT\r\n",
    "MAIL FROM:<a@b> BODY=BINARYMIME RET=FULL\r\n",
    "MAIL FROM:<a@b> RET=HDRS ENVID=a+2Bb\r\n",
    "MAIL FROM:<a.b.c.d@x-1.y2.example>\r\n",
    "MAIL FROM:<\"a b\\\"c\"@example.org>\r\n",
    "MAIL FROM:<jane@[192.0.2.1]> SIZE=1\r\n",
    "MAIL FROM:<a@[IPv6:2001:db8::1]>\r\n",
    "MAIL FROM:<!#$%&'*+-/=?^_`{|}~@example.org>\r\n",
    "MAIL FROM:<@relay.example:jane@example.com>\r\n",
    "mail from:<a@b> size=1\r\n",
    "MAIL FROM:<a@b> X-OWN=1\r\n",
    "RCPT TO:<Postmaster>\r\n",
    "RCPT TO:<postmaster@example.org>\r\n",
    "RCPT TO:<a@b> NOTIFY=DELAY,FAILURE\r\n",
    "RCPT TO:<a@b> ORCPT=rfc822;a+2Bc@d\r\n",
    "RCPT TO:<ü@example.org>\r\n",
    "EHLO [IPv6:::1]\r\n",
    "EHLO localhost\r\n",
    "HELO x\r\n",
    "BDAT 0\r\n",
    "BDAT 0 LAST\r\n",
    "bdat 10 last\r\n",
    "AUTH PLAIN =\r\n",
    "AUTH LOGIN\r\n",
    "NOOP with text\r\n",
    "HELP\r\n",
    "HELP MAIL\r\n",
    "EXPN staff\r\n",
    "data\r\n",
    "Quit\r\n",
    "DATA \r\n",
];

/// Where smtp-proto reads something else, and why we stay.
const SMTP_PROTO_DIFFERS: &[(&str, &str)] = &[
    (
        "MAIL FROM:<\"jane doe\"@example.com>\r\n",
        "it drops the quotes; the address without them is another, or none",
    ),
    ("MAIL FROM:<\"a b\\\"c\"@example.org>\r\n", "the same, and the quoted pair is gone too"),
    ("MAIL FROM:<jane@[192.0.2.1]> SIZE=1\r\n", "it refuses address literals, which RFC 5321 §4.1.3 has"),
    ("MAIL FROM:<a@[IPv6:2001:db8::1]>\r\n", "the same"),
    ("MAIL FROM:<a@b> SIZE=18446744073709551615\r\n", "RFC 1870 §3 allows 20 digits, and 64 bits hold these"),
    (
        "MAIL FROM:<a@b> X-OWN=1\r\n",
        "an unknown parameter is for the server to refuse (555), not for the grammar",
    ),
    (
        "NOOP with text\r\n",
        "it keeps the first word; RFC 5321 §4.1.1.9 has one String, real clients send several words",
    ),
    ("RCPT TO:<Postmaster>\r\n", "it turns the postmaster into an empty address, the null path"),
];

/// Where smtp-codec reads something else, and why we stay.
const SMTP_CODEC_DIFFERS: &[(&str, &str)] = &[
    (
        "MAIL FROM:<@relay.example:jane@example.com>\r\n",
        "it keeps the source route, which RFC 5321 §3.6.1 says to ignore",
    ),
    ("RCPT TO:<Postmaster>\r\n", "it keeps the brackets here, and nowhere else"),
    ("RCPT TO:<postmaster@example.org>\r\n", "the same"),
    ("MAIL FROM:<käthe.müller@bücher.example> SMTPUTF8\r\n", "it has no RFC 6531"),
    ("RCPT TO:<ü@example.org>\r\n", "the same"),
    ("AUTH SCRAM-SHA-256\r\n", "it has PLAIN and LOGIN only"),
    ("BDAT 0\r\n", "it has no RFC 3030"),
    ("BDAT 0 LAST\r\n", "the same"),
    ("BDAT 86000 LAST\r\n", "the same"),
    ("bdat 10 last\r\n", "the same"),
    ("LHLO mail.client.example.com\r\n", "it has no RFC 2033"),
    ("DATA \r\n", "RFC 5321 §4.1.1 wants white space at the end of a line tolerated"),
    ("NOOP with text\r\n", "as with smtp-proto"),
];

/// A command in words that all sides have, or none.
type Plain = Option<Vec<String>>;

fn lines() -> impl Iterator<Item = &'static str> {
    LINES.iter().map(|(_, line)| *line).chain(MORE_LINES.iter().copied())
}

#[test]
fn smtp_proto_reads_the_same() {
    check(SMTP_PROTO_DIFFERS, Parameters::Typed, smtp_proto_reads);
}

#[test]
fn smtp_codec_reads_the_same() {
    check(SMTP_CODEC_DIFFERS, Parameters::Raw, smtp_codec_reads);
}

/// Every line, ours against `rival`, with the differences that are `known`.
#[track_caller]
fn check(known: &[(&'static str, &str)], parameters: Parameters, rival: impl Fn(&str) -> Plain) {
    let differs = |line: &&str| ours_reads(line, parameters) != rival(line);
    let found: BTreeSet<&str> = lines().filter(differs).collect();
    let known: BTreeSet<&str> = known.iter().map(|(line, _)| *line).collect();
    for line in found.difference(&known) {
        eprintln!("{line:?}\n  ours  {:?}\n  rival {:?}", ours_reads(line, parameters), rival(line));
    }
    assert_eq!(found, known);
}

fn words(words: &[&str]) -> Plain {
    Some(words.iter().map(|word| (*word).to_owned()).collect())
}

/// How much a rival makes of parameters.
#[derive(Clone, Copy)]
enum Parameters {
    Typed,
    Raw,
}

fn ours_reads(line: &str, parameters: Parameters) -> Plain {
    let line = Line::new(line.strip_suffix("\r\n")?).ok()?;
    match Command::parse(line).ok()? {
        Command::Ehlo(name) => words(&["EHLO", name.as_str()]),
        Command::Helo(name) => words(&["HELO", name.as_str()]),
        Command::Lhlo(name) => words(&["LHLO", name.as_str()]),
        Command::Mail(mail) => {
            let path = mail.reverse_path.mailbox().map_or("", |mailbox| mailbox.as_str());
            let mut plain = words(&["MAIL", path])?;
            plain.extend(match parameters {
                Parameters::Typed => mail_parameters(mail.parameters),
                Parameters::Raw => mail.parameters.iter().map(|parameter| parameter.to_string()).collect(),
            });
            Some(plain)
        }
        Command::Rcpt(rcpt) => {
            let path = rcpt.forward_path.mailbox().map_or("Postmaster", |mailbox| mailbox.as_str());
            let mut plain = words(&["RCPT", path])?;
            plain.extend(match parameters {
                Parameters::Typed => rcpt_parameters(rcpt.parameters),
                Parameters::Raw => rcpt.parameters.iter().map(|parameter| parameter.to_string()).collect(),
            });
            Some(plain)
        }
        Command::Bdat(bdat) => words(&["BDAT", &bdat.size.to_string(), &bdat.last.to_string()]),
        Command::Auth(auth) => words(&[
            "AUTH",
            auth.mechanism.as_str(),
            match auth.initial_response {
                smtpkit_codec::InitialResponse::Absent => "",
                smtpkit_codec::InitialResponse::Empty => "=",
                smtpkit_codec::InitialResponse::Base64(text) => text.expose(),
            },
        ]),
        Command::Vrfy(text) => words(&["VRFY", text.as_str()]),
        Command::Expn(text) => words(&["EXPN", text.as_str()]),
        Command::Help(text) => words(&["HELP", text.map_or("", |text| text.as_str())]),
        Command::Noop(text) => words(&["NOOP", text.map_or("", |text| text.as_str())]),
        Command::Data => words(&["DATA"]),
        Command::Rset => words(&["RSET"]),
        Command::Quit => words(&["QUIT"]),
        Command::StartTls => words(&["STARTTLS"]),
        // Unknown verbs are an error elsewhere.
        _ => None,
    }
}

fn mail_parameters(parameters: MailParametersRef<'_>) -> Vec<String> {
    let mut plain = vec![];
    plain.extend(parameters.size().filter(|size| *size > 0).map(|size| format!("SIZE={size}")));
    plain.extend(parameters.body().map(|body| format!("BODY={}", body.as_str())));
    plain.extend(parameters.smtputf8().then(|| "SMTPUTF8".into()));
    plain.extend(parameters.ret().map(|ret| format!("RET={}", ret.as_str())));
    plain.extend(parameters.envid().map(|id| format!("ENVID={}", String::from_utf8_lossy(&id.decode()))));
    plain.extend(parameters.unknown().map(|parameter| parameter.to_string()));
    plain
}

fn rcpt_parameters(parameters: RcptParametersRef<'_>) -> Vec<String> {
    let mut plain = vec![];
    if let Some(notify) = parameters.notify() {
        let condition = |name: &str, is: bool| is.then(|| format!("NOTIFY={name}"));
        plain.extend(condition("SUCCESS", notify.on_success()));
        plain.extend(condition("FAILURE", notify.on_failure()));
        plain.extend(condition("DELAY", notify.on_delay()));
        plain.extend(condition("NEVER", notify.is_never()));
    }
    plain.extend(
        parameters.orcpt().map(|orcpt| format!("ORCPT={}", String::from_utf8_lossy(&orcpt.decode()))),
    );
    plain
}

fn smtp_proto_reads(line: &str) -> Plain {
    match Request::parse(&mut line.as_bytes().iter()).ok()? {
        Request::Ehlo { host } => words(&["EHLO", &host]),
        Request::Helo { host } => words(&["HELO", &host]),
        Request::Lhlo { host } => words(&["LHLO", &host]),
        Request::Mail { from } => {
            let mut plain = words(&["MAIL", &from.address])?;
            plain.extend((from.size > 0).then(|| format!("SIZE={}", from.size)));
            for (flag, name) in [
                (MAIL_BODY_7BIT, "BODY=7BIT"),
                (MAIL_BODY_8BITMIME, "BODY=8BITMIME"),
                (MAIL_BODY_BINARYMIME, "BODY=BINARYMIME"),
                (MAIL_SMTPUTF8, "SMTPUTF8"),
                (MAIL_RET_FULL, "RET=FULL"),
                (MAIL_RET_HDRS, "RET=HDRS"),
            ] {
                plain.extend((from.flags & flag != 0).then(|| name.into()));
            }
            plain.extend(from.env_id.map(|id| format!("ENVID={id}")));
            Some(plain)
        }
        Request::Rcpt { to } => {
            let mut plain = words(&["RCPT", &to.address])?;
            for (flag, name) in [
                (RCPT_NOTIFY_SUCCESS, "NOTIFY=SUCCESS"),
                (RCPT_NOTIFY_FAILURE, "NOTIFY=FAILURE"),
                (RCPT_NOTIFY_DELAY, "NOTIFY=DELAY"),
                (RCPT_NOTIFY_NEVER, "NOTIFY=NEVER"),
            ] {
                plain.extend((to.flags & flag != 0).then(|| name.into()));
            }
            plain.extend(to.orcpt.map(|orcpt| format!("ORCPT={orcpt}")));
            Some(plain)
        }
        Request::Bdat { chunk_size, is_last } => {
            words(&["BDAT", &chunk_size.to_string(), &is_last.to_string()])
        }
        Request::Auth { mechanism, initial_response } => {
            words(&["AUTH", smtp_proto_mechanism(mechanism), &initial_response])
        }
        Request::Vrfy { value } => words(&["VRFY", &value]),
        Request::Expn { value } => words(&["EXPN", &value]),
        Request::Help { value } => words(&["HELP", &value]),
        Request::Noop { value } => words(&["NOOP", &value]),
        Request::Data => words(&["DATA"]),
        Request::Rset => words(&["RSET"]),
        Request::Quit => words(&["QUIT"]),
        Request::StartTls => words(&["STARTTLS"]),
        _ => None,
    }
}

fn smtp_proto_mechanism(mechanism: u64) -> &'static str {
    match mechanism {
        smtp_proto::AUTH_PLAIN => "PLAIN",
        smtp_proto::AUTH_LOGIN => "LOGIN",
        smtp_proto::AUTH_SCRAM_SHA_256 => "SCRAM-SHA-256",
        _ => "another",
    }
}

fn smtp_codec_reads(line: &str) -> Plain {
    use smtp_codec::types::{AtomOrQuoted, Command as Other, DomainOrAddress, Parameter};
    let name = |name: &DomainOrAddress| match name {
        DomainOrAddress::Domain(domain) => domain.clone(),
        DomainOrAddress::Address(address) => format!("[{address}]"),
    };
    let text = |text: &AtomOrQuoted| match text {
        AtomOrQuoted::Atom(text) | AtomOrQuoted::Quoted(text) => text.clone(),
    };
    let parameter = |parameter: &Parameter| {
        let mut text = vec![];
        parameter.serialize(&mut text).expect("room");
        String::from_utf8_lossy(&text).into_owned()
    };
    let with = |verb: &str, path: &str, parameters: &[Parameter]| {
        let mut plain = words(&[verb, path])?;
        plain.extend(parameters.iter().map(parameter));
        Some(plain)
    };
    let (rest, command) = smtp_codec::parse::command::command(line.as_bytes()).ok()?;
    assert!(rest.is_empty());
    match &command {
        Other::Ehlo { domain_or_address } => words(&["EHLO", &name(domain_or_address)]),
        Other::Helo { domain_or_address } => words(&["HELO", &name(domain_or_address)]),
        Other::Mail { reverse_path, parameters } => with("MAIL", reverse_path, parameters),
        Other::Rcpt { forward_path, parameters } => with("RCPT", forward_path, parameters),
        Other::Vrfy { user_or_mailbox } => words(&["VRFY", &text(user_or_mailbox)]),
        Other::Expn { mailing_list } => words(&["EXPN", &text(mailing_list)]),
        Other::Help { argument } => words(&["HELP", &argument.as_ref().map(text).unwrap_or_default()]),
        Other::Noop { argument } => words(&["NOOP", &argument.as_ref().map(text).unwrap_or_default()]),
        Other::AuthLogin(response) => words(&["AUTH", "LOGIN", &response.clone().unwrap_or_default()]),
        Other::AuthPlain(response) => words(&["AUTH", "PLAIN", &response.clone().unwrap_or_default()]),
        Other::Data => words(&["DATA"]),
        Other::Rset => words(&["RSET"]),
        Other::Quit => words(&["QUIT"]),
        Other::StartTLS => words(&["STARTTLS"]),
    }
}

/// Replies: code, enhanced code and text, as smtp-proto reads them.
const REPLIES: &[&str] = &[
    "250 ok\r\n",
    "250 2.0.0 ok\r\n",
    "250-2.1.0 first\r\n250 2.1.0 second\r\n",
    "550 5.7.1 not allowed\r\n",
    "354 go ahead\r\n",
    "220-mx.example.org ESMTP\r\n220 hello\r\n",
    "450-4.2.0 a\r\n450-4.2.0 b\r\n450 4.2.0 c\r\n",
];

#[test]
fn smtp_proto_reads_the_same_replies() {
    for wire in REPLIES {
        let ReplyStep::Reply { reply, consumed } = ReplyDecoder::new().decode(wire.as_bytes()) else {
            panic!("{wire:?}")
        };
        assert_eq!(consumed, wire.len());
        let rival = smtp_proto::response::parser::ResponseReceiver::default()
            .parse(&mut wire.as_bytes().iter())
            .expect("a reply");
        assert_eq!(reply.code().get(), rival.code, "{wire:?}");
        let enhanced = reply
            .enhanced()
            .map_or([0; 3], |enhanced| [enhanced.class() as u16, enhanced.subject(), enhanced.detail()]);
        assert_eq!(enhanced, rival.esc.map(u16::from), "{wire:?}");
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeeze(&reply.text()), squeeze(&rival.message), "{wire:?}");
    }
}
