//! Commands: what is read is what was written, for every line; nothing panics.

use proptest::prelude::*;
use smtpkit_codec::{
    Atrn, Attributes, Auth, Base64, Bdat, Body, Burl, By, ByMode, ClientName, ClientNameBuf, Command,
    DateTime, Encode, Expected, Hold, InitialResponse, Interval, Line, Mail, MailParameters,
    MailParametersRef, MechanismName, MtPriority, Mtrk, Notify, Rcpt, RcptParameters, RcptParametersRef, Ret,
    ReversePathRef, Rrvs, RrvsUnsupported, Solicitation, Submitter, SyntaxError, Text, TransactionId,
    Unknown, Verb, Xtext,
};

use super::words;

fn parse(line: &str) -> Result<Command<'_>, SyntaxError> {
    Command::parse(Line::new(line).expect("a line"))
}

/// What is written reads as the same command, and is as long as was said.
fn comes_back(command: Command<'_>) -> Result<(), TestCaseError> {
    let wire = command.to_vec();
    prop_assert_eq!(wire.len(), command.encoded_len());
    let line = std::str::from_utf8(&wire).unwrap().strip_suffix("\r\n").unwrap();
    prop_assert_eq!(parse(line), Ok(command));
    let kept = command.to_owned();
    prop_assert_eq!(kept.as_ref(), command);
    prop_assert_eq!(kept.to_vec(), wire);
    Ok(())
}

proptest! {
    #[test]
    fn lines_that_the_grammar_makes_are_read_and_written_again(line in words::command()) {
        let command = parse(&line).unwrap_or_else(|error| panic!("{}", error.caret(&line)));
        prop_assert_eq!(String::from_utf8(command.to_vec()).unwrap(), format!("{line}\r\n"));
        comes_back(command)?;
    }

    #[test]
    fn case_of_verbs_and_white_space_at_the_end_do_not_matter(line in words::command(), space in "[ \t]{0,3}") {
        let (verb, rest) = line.split_at(line.find(' ').unwrap_or(line.len()));
        let other = format!("{}{rest}{space}", verb.to_ascii_lowercase());
        let (command, other) = (parse(&line).unwrap(), parse(&other).unwrap());
        if command.verb() != Verb::Unknown {
            prop_assert_eq!(command, other);
        }
    }

    #[test]
    fn a_line_is_read_or_refused_inside_of_it(line in prop_oneof![words::near_command(), any::<String>()]) {
        let Ok(line) = Line::new(&line) else { return Ok(()) };
        match Command::parse(line) {
            Ok(command) => comes_back(command)?,
            Err(error) => {
                prop_assert!(error.offset() <= line.as_str().len(), "{}", error);
                prop_assert!(error.reply().code().get() >= 500);
                prop_assert!(error.caret(line.as_str()).to_string().ends_with(error.expected().as_str()));
            }
        }
    }

    #[test]
    fn a_change_of_one_octet_does_not_panic(line in words::command(), at: prop::sample::Index, octet in 0x20..0x7f_u8) {
        let mut octets = line.into_bytes();
        let at = at.index(octets.len());
        octets[at] = octet;
        if let Ok(line) = std::str::from_utf8(&octets) && let Ok(command) = parse(line) {
            comes_back(command)?;
        }
    }

    #[test]
    fn lists_of_parameters_come_back(mail in words::mail_parameters(), rcpt in words::rcpt_parameters()) {
        let list = MailParametersRef::parse(&mail).unwrap();
        prop_assert_eq!(list.as_str(), &mail);
        prop_assert_eq!(list.to_owned().to_string(), &mail[..]);
        let rebuilt = list.iter().try_fold(MailParameters::default(), |mut built, parameter| {
            built.push_raw(parameter.keyword(), parameter.value()).map(|()| built)
        });
        prop_assert_eq!(rebuilt.unwrap().to_string(), &mail[..]);
        let list = RcptParametersRef::parse(&rcpt).unwrap();
        prop_assert_eq!(list.to_owned().to_string(), rcpt);
    }

    #[test]
    fn a_parameter_taken_out_leaves_the_others(list in words::mail_parameters(), at: prop::sample::Index) {
        let all = MailParametersRef::parse(&list).unwrap();
        let keywords: Vec<&str> = all.iter().map(|parameter| parameter.keyword()).collect();
        if !keywords.is_empty() {
            let gone = keywords[at.index(keywords.len())];
            let mut left = all.to_owned();
            left.remove(&gone.to_ascii_lowercase());
            let expected: Vec<_> = all.iter().filter(|parameter| parameter.keyword() != gone).collect();
            prop_assert_eq!(left.as_ref().iter().collect::<Vec<_>>(), expected);
            let text = left.to_string();
            prop_assert_eq!(MailParametersRef::parse(&text).unwrap(), left.as_ref());
        }
    }
}

#[test]
fn every_verb_is_read_in_its_own_type() {
    let check = |line: &str, expected: Command<'_>| assert_eq!(parse(line), Ok(expected), "{line}");
    let text = |text| Text::new(text).unwrap();
    let name = ClientName::new("client.example").unwrap();
    check("HELO client.example", Command::Helo(name));
    check("EHLO client.example", Command::Ehlo(name));
    check("LHLO client.example", Command::Lhlo(name));
    check("DATA", Command::Data);
    check("data \t ", Command::Data);
    check("BDAT 12", Command::Bdat(Bdat { size: 12, last: false }));
    check("BDAT 0 LAST", Command::Bdat(Bdat { size: 0, last: true }));
    let base64 = InitialResponse::Base64(Base64::new("AGFi").unwrap());
    check(
        "AUTH PLAIN AGFi",
        Command::Auth(Auth { mechanism: MechanismName::PLAIN, initial_response: base64 }),
    );
    check("STARTTLS", Command::StartTls);
    check("VRFY Jane Doe", Command::Vrfy(text("Jane Doe")));
    check("EXPN staff", Command::Expn(text("staff")));
    check("HELP", Command::Help(None));
    check("HELP mail", Command::Help(Some(text("mail"))));
    check("NOOP", Command::Noop(None));
    check("NOOP  are you there?", Command::Noop(Some(text("are you there?"))));
    check("RSET", Command::Rset);
    check("QUIT", Command::Quit);
    check("ATRN", Command::Atrn(Atrn::ALL));
    check("ATRN a.example,b.example", Command::Atrn(Atrn::new("a.example,b.example").unwrap()));
    check("BURL imap://h/m;UID=1 LAST", Command::Burl(Burl::new("imap://h/m;UID=1").unwrap().last()));
    check(
        "XCLIENT NAME=a ADDR=192.0.2.1",
        Command::Xclient(Attributes::new("NAME=a ADDR=192.0.2.1").unwrap()),
    );
    check("XFORWARD IDENT=7", Command::Xforward(Attributes::new("IDENT=7").unwrap()));
    check("VERB ON", Command::Verb(Some(text("ON"))));
    check("TURN", Command::Unknown(Unknown::new("TURN", None).unwrap()));
    check("MAILX FROM:<>", Command::Unknown(Unknown::new("MAILX", Some("FROM:<>")).unwrap()));
    check("STARTTLSX", Command::Unknown(Unknown::new("STARTTLSX", None).unwrap()));
    check("X", Command::Unknown(Unknown::new("X", None).unwrap()));
    let null = ReversePathRef::null();
    check(
        "MAIL FROM:<>",
        Command::Mail(Mail { reverse_path: null, parameters: MailParametersRef::default() }),
    );
    check(
        "mail from: <>",
        Command::Mail(Mail { reverse_path: null, parameters: MailParametersRef::default() }),
    );
    let forward_path = smtpkit_codec::ForwardPathRef::postmaster();
    check(
        "RCPT TO:<POSTMASTER>",
        Command::Rcpt(Rcpt { forward_path, parameters: RcptParametersRef::default() }),
    );
}

#[test]
fn errors_say_where_and_what_and_which_reply_is_owed() {
    let check = |line: &str, offset: usize, expected: Expected, reply: u16| {
        let error = parse(line).expect_err(line);
        assert_eq!(
            (error.offset(), error.expected(), error.reply().code().get()),
            (offset, expected, reply),
            "{line}"
        );
    };
    check("", 0, Expected::Verb, 500);
    check("  ", 0, Expected::Verb, 500);
    check(" MAIL FROM:<>", 0, Expected::Verb, 500);
    check("Subject: hello", 0, Expected::Verb, 500);
    check("éhlo", 0, Expected::Verb, 500);
    check("EHLO", 4, Expected::ClientName, 501);
    check("EHLO a b", 6, Expected::EndOfLine, 501);
    check("DATA now", 5, Expected::EndOfLine, 501);
    check("STARTTLS now", 9, Expected::EndOfLine, 501);
    check("QUIT x", 5, Expected::EndOfLine, 501);
    check("MAIL", 4, Expected::From, 501);
    check("MAIL FROM", 4, Expected::From, 501);
    check("MAIL FROM:", 10, Expected::AngleBracket, 501);
    check("MAIL FROM:a@b", 10, Expected::AngleBracket, 501);
    check("MAIL FROM:<a@b", 14, Expected::ClosingAngleBracket, 501);
    check("MAIL FROM:<a@b>SIZE=1", 15, Expected::Space, 501);
    check("MAIL FROM:<a@b> SIZE", 20, Expected::Value, 501);
    check("MAIL FROM:<a@b> SIZE=", 21, Expected::Number, 501);
    check("MAIL FROM:<a@b> SIZE=99999999999999999999", 21, Expected::SmallerNumber, 501);
    check("MAIL FROM:<a@b> SIZE=1 SIZE=1", 23, Expected::Once, 501);
    check("MAIL FROM:<a@b> X=1 BODY=7BIT x=2", 30, Expected::Once, 501);
    check("MAIL FROM:<a@b> SMTPUTF8=yes", 24, Expected::NoValue, 501);
    check("MAIL FROM:<a@b> HOLDFOR=1 HOLDUNTIL=2030-01-01T00:00:00Z", 26, Expected::Exclusive, 501);
    check("MAIL FROM:<a@b> BODY=8BITMIMEX", 29, Expected::Space, 501);
    check("MAIL FROM:<a@b> -X", 16, Expected::Keyword, 501);
    check("MAIL FROM:<a@b> X=", 18, Expected::Value, 501);
    check("RCPT TO:<>", 9, Expected::LocalPart, 501);
    check("RCPT TO:<a@b> NOTIFY=NEVER,DELAY", 21, Expected::Exclusive, 501);
    check("RCPT TO:<a@b> NOTIFY=DELAY,NEVER", 27, Expected::Exclusive, 501);
    check("RCPT TO:<a@b> ORCPT=rfc822", 26, Expected::OriginalRecipient, 501);
    check("BDAT", 4, Expected::Number, 501);
    check("BDAT x", 5, Expected::Number, 501);
    check("AUTH", 4, Expected::Mechanism, 501);
    check("VRFY", 4, Expected::Text, 501);
    check("XCLIENT", 7, Expected::Attribute, 501);
}

#[test]
fn every_parameter_has_a_getter_and_a_setter() {
    let moment = DateTime::new("2030-01-01T00:00:00Z").unwrap();
    let list = MailParameters::default()
        .with_size(u64::MAX)
        .with_body(Body::BinaryMime)
        .with_smtputf8()
        .with_ret(Ret::Headers)
        .with_envid("a+b c")
        .unwrap()
        .with_auth(Submitter::Mailbox(Xtext::new("e+3Dmc2@example.com").unwrap()))
        .with_by(By::new(-5, ByMode::Notify).unwrap().with_trace())
        .with_hold_for(Interval::new(60).unwrap())
        .with_mt_priority(MtPriority::new(-3).unwrap())
        .with_requiretls()
        .with_mtrk(Mtrk::new("AGFi", Some(60)).unwrap())
        .with_conperm()
        .with_solicit(Solicitation::new("org.example:ADV").unwrap())
        .with_transid(TransactionId::new("<1@b>").unwrap());
    let view = list.as_ref();
    assert_eq!(view.size(), Some(u64::MAX));
    assert_eq!(view.body(), Some(Body::BinaryMime));
    assert!(view.smtputf8() && view.requiretls() && view.conperm());
    assert_eq!(view.ret(), Some(Ret::Headers));
    assert_eq!(view.envid().unwrap().decode().as_ref(), b"a+b c");
    assert_eq!(view.auth(), Some(Submitter::Mailbox(Xtext::new("e+3Dmc2@example.com").unwrap())));
    assert_eq!(view.by(), Some(By::new(-5, ByMode::Notify).unwrap().with_trace()));
    assert_eq!(view.hold(), Some(Hold::For(Interval::new(60).unwrap())));
    assert_eq!(view.mt_priority(), Some(MtPriority::new(-3).unwrap()));
    assert_eq!(view.mtrk(), Some(Mtrk::new("AGFi", Some(60)).unwrap()));
    assert_eq!(view.solicit(), Some(Solicitation::new("org.example:ADV").unwrap()));
    assert_eq!(view.transid(), Some(TransactionId::new("<1@b>").unwrap()));
    assert_eq!(view.unknown().count(), 0);
    assert_eq!(list.to_string().parse::<MailParameters>().unwrap(), list);

    let later = list.clone().with_hold_until(moment).unwrap().with_size(1);
    assert_eq!(later.as_ref().hold(), Some(Hold::Until(moment)));
    assert_eq!(later.as_ref().size(), Some(1));
    assert_eq!(later.as_ref().iter().count(), list.as_ref().iter().count());
    assert!(
        MailParameters::default()
            .with_hold_until(DateTime::new("2030-01-01T00:00:00+01:00").unwrap())
            .is_err()
    );

    let list = RcptParameters::default()
        .with_notify(Notify::SUCCESS.or(Notify::DELAY))
        .with_orcpt("用户@example.com")
        .unwrap()
        .with_rrvs(Rrvs::new(moment).or_else(RrvsUnsupported::Continue))
        .with_conneg();
    let view = list.as_ref();
    assert_eq!(view.notify(), Some(Notify::SUCCESS.or(Notify::DELAY)));
    assert_eq!(view.orcpt().unwrap().decode().as_ref(), "用户@example.com".as_bytes());
    assert_eq!(view.rrvs(), Some(Rrvs::new(moment).or_else(RrvsUnsupported::Continue)));
    assert!(view.conneg());
    assert_eq!(list.to_string().parse::<RcptParameters>().unwrap(), list);
    assert_eq!(
        MailParametersRef::parse("NOTIFY=NEVER").unwrap().unknown().count(),
        1,
        "NOTIFY is not one of MAIL"
    );
}

#[test]
fn unknown_parameters_are_bounded() {
    let list = |count: usize| (0..count).map(|number| format!("X{number}=a")).collect::<Vec<_>>().join(" ");
    assert_eq!(MailParametersRef::parse(&list(32)).unwrap().unknown().count(), 32);
    assert_eq!(MailParametersRef::parse(&list(33)).unwrap_err().expected(), Expected::FewerParameters);
}

#[test]
fn what_a_client_says_cannot_hold_another_line() {
    for evil in ["a\r\nRSET", "a\nRSET", "a\rRSET", "a\0"] {
        assert!(ClientName::new(evil).is_err());
        assert!(evil.parse::<ClientNameBuf>().is_err());
        assert!(Text::new(evil).is_err());
        assert!(Unknown::new(evil, None).is_err());
        assert!(Unknown::new("X", Some(evil)).is_err());
        assert!(Burl::new(&format!("imap://{evil}")).is_err());
        assert!(Base64::new(evil).is_err());
        assert!(MechanismName::new(evil).is_err());
        assert!(Attributes::new(&format!("NAME={evil}")).is_err());
        assert!(Atrn::new(evil).is_err());
        assert!(MailParameters::default().push_raw("X", Some(evil)).is_err());
        assert!(MailParameters::default().push_raw(evil, None).is_err());
        assert_eq!(
            MailParameters::default().with_envid(evil).unwrap().as_ref().as_str().find(['\r', '\n', '\0']),
            None
        );
    }
    assert!(Unknown::new("DATA", None).is_err(), "a known verb is not unknown");
}

#[test]
fn secrets_are_not_formatted() {
    let line = "AUTH PLAIN AGphbmUAc2VjcmV0";
    let command = parse(line).unwrap();
    for shown in [format!("{command:?}"), format!("{command}"), format!("{:?}", command.to_owned())] {
        assert!(shown.contains("PLAIN") && !shown.contains("AGphbmU"), "{shown}");
    }
    let burl = parse("BURL imap://h/m;urlauth=anonymous:internal:91354a473744909de610943775f92038").unwrap();
    assert!(!format!("{burl:?} {burl}").contains("91354a"));
}
