//! Strategies: texts that the grammar allows, word by word.

use proptest::prelude::*;
use proptest::sample::select;

pub(crate) fn domain() -> impl Strategy<Value = String> {
    let label = prop_oneof![
        4 => "[a-zA-Z0-9]([a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?",
        1 => "[éñ例え]{1,4}",
        1 => "xn--[a-z0-9]{3,9}",
    ];
    proptest::collection::vec(label, 1..4).prop_map(|labels| labels.join("."))
}

fn literal() -> impl Strategy<Value = String> {
    let known = any::<std::net::IpAddr>()
        .prop_map(|address| smtpkit_codec::AddressLiteral::from(address).to_string());
    prop_oneof![3 => known, 1 => "\\[x[a-z0-9]{1,5}:[!-Z^-~]{1,9}\\]"]
}

pub(crate) fn mailbox() -> impl Strategy<Value = String> {
    let atom = "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~é用-]{1,8}";
    let dot_string = proptest::collection::vec(atom, 1..4).prop_map(|atoms| atoms.join("."));
    let quoted = "\"([ !#-\\[\\]-~é]|\\\\[ -~]){0,12}\"";
    let local_part = prop_oneof![3 => dot_string, 1 => quoted];
    (local_part, prop_oneof![4 => domain(), 1 => literal()])
        .prop_map(|(local, domain)| format!("{local}@{domain}"))
}

/// Mailboxes of which many are equal.
pub(crate) fn close_mailbox() -> impl Strategy<Value = String> {
    let local_part = select(&["a", "\"a\"", "\"\\a\"", "A", "\"a b\"", "b"][..]);
    let domain = select(&["b.c", "B.C", "b.d", "[192.0.2.1]"][..]);
    (local_part, domain).prop_map(|(local_part, domain)| format!("{local_part}@{domain}"))
}

pub(crate) fn route() -> impl Strategy<Value = String> {
    proptest::collection::vec(domain(), 0..3).prop_map(|hops| match hops.len() {
        0 => String::new(),
        _ => format!("@{}:", hops.join(",@")),
    })
}

pub(crate) fn xtext() -> impl Strategy<Value = String> {
    "([!-*,-<>-~]|\\+[0-9A-F]{2}){1,24}"
}

pub(crate) fn date_time() -> impl Strategy<Value = String> {
    "(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
}

pub(crate) fn base64() -> impl Strategy<Value = String> {
    "([A-Za-z0-9+/]{4}){1,6}([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
}

/// Parameters of MAIL, each keyword at most once.
pub(crate) fn mail_parameters() -> impl Strategy<Value = String> {
    let number = || (1..=999_999_999_u32).prop_map(|number| number.to_string());
    list(prop_oneof![
        any::<u64>().prop_map(|octets| format!("SIZE={octets}")),
        "BODY=(7BIT|8BITMIME|BINARYMIME)",
        "SMTPUTF8|REQUIRETLS|CONPERM",
        "RET=(FULL|HDRS)",
        xtext().prop_map(|text| format!("ENVID={text}")),
        xtext().prop_map(|text| format!("AUTH={text}")),
        Just(String::from("AUTH=<>")),
        (number(), "R|N|RT|NT").prop_map(|(seconds, mode)| format!("BY={seconds};{mode}")),
        number().prop_map(|seconds| format!("HOLDFOR={seconds}")),
        date_time().prop_map(|moment| format!("HOLDUNTIL={moment}")),
        (-9..=9_i8).prop_map(|priority| format!("MT-PRIORITY={priority}")),
        (base64(), number()).prop_map(|(certifier, seconds)| format!("MTRK={certifier}:{seconds}")),
        "SOLICIT=[a-z][a-zA-Z0-9._:-]{0,12}(,[a-z]{1,4}){0,2}",
        "TRANSID=<[a-z0-9.]{1,8}@[a-z0-9.]{1,8}>",
        unknown(),
    ])
}

/// Parameters of RCPT, each keyword at most once.
pub(crate) fn rcpt_parameters() -> impl Strategy<Value = String> {
    list(prop_oneof![
        "NOTIFY=(NEVER|SUCCESS|FAILURE|DELAY|SUCCESS,DELAY|FAILURE,SUCCESS,DELAY)",
        xtext().prop_map(|address| format!("ORCPT=rfc822;{address}")),
        "ORCPT=utf-8;([a-z@.é用]|\\\\x\\{E9\\}){1,12}",
        (date_time(), "(;[CR])?").prop_map(|(since, action)| format!("RRVS={since}{action}")),
        Just(String::from("CONNEG")),
        unknown(),
    ])
}

fn unknown() -> impl Strategy<Value = String> {
    "X-[A-Z0-9]{1,6}(=[!-<>-~é]{1,12})?"
}

fn list(parameter: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    proptest::collection::vec(parameter, 0..7).prop_map(|parameters| {
        let mut list: Vec<String> = Vec::new();
        for parameter in parameters {
            let keyword = |text: &str| {
                let keyword = text.split('=').next().unwrap_or(text).to_owned();
                if keyword.starts_with("HOLD") { String::from("HOLD") } else { keyword }
            };
            if list.iter().all(|other| keyword(other) != keyword(&parameter)) {
                list.push(parameter);
            }
        }
        list.join(" ")
    })
}

/// Lines of commands, as they are sent.
pub(crate) fn command() -> impl Strategy<Value = String> {
    prop_oneof![2 => transaction(), 3 => other_command()]
}

/// MAIL and RCPT.
fn transaction() -> impl Strategy<Value = String> {
    let line = |verb: &str, path: &str, list: &str| format!("{verb}:<{path}> {list}").trim_end().to_owned();
    let forward_path = prop_oneof![8 => mailbox(), 1 => Just(String::from("Postmaster"))];
    prop_oneof![
        (proptest::option::of(mailbox()), mail_parameters()).prop_map(move |(path, list)| line(
            "MAIL FROM",
            path.as_deref().unwrap_or(""),
            &list
        )),
        (forward_path, rcpt_parameters()).prop_map(move |(path, list)| line("RCPT TO", &path, &list)),
    ]
}

fn other_command() -> impl Strategy<Value = String> {
    let name = prop_oneof![3 => domain(), 1 => literal(), 1 => "[!-~é]{1,12}"];
    let text = || "[!-~é]([ -~]{0,12}[!-~])?";
    prop_oneof![
        ("EHLO|HELO|LHLO", name).prop_map(|(verb, name)| format!("{verb} {name}")),
        "DATA|RSET|QUIT|STARTTLS|NOOP|HELP|VERB|ATRN",
        (any::<u64>(), "( LAST)?").prop_map(|(size, last)| format!("BDAT {size}{last}")),
        "AUTH [A-Z0-9_-]{1,20}( =)?",
        ("[A-Z0-9_-]{1,20}", base64())
            .prop_map(|(mechanism, response)| format!("AUTH {mechanism} {response}")),
        ("VRFY|EXPN|NOOP|HELP|VERB", text()).prop_map(|(verb, text)| format!("{verb} {text}")),
        ("@?", domain()).prop_map(|(option, domain)| format!("ETRN {option}{domain}")),
        "ETRN #[!-~]{1,9}",
        (domain(), domain()).prop_map(|(one, other)| format!("ATRN {one},{other}")),
        "BURL imap://[!-~]{1,20}( LAST)?",
        ("XCLIENT|XFORWARD", xtext(), xtext())
            .prop_map(|(verb, name, address)| format!("{verb} NAME={name} ADDR={address}")),
        "X[A-Z0-9_-]{4,9}",
        ("X[A-Z0-9_-]{4,9}", text()).prop_map(|(verb, text)| format!("{verb} {text}")),
    ]
}

/// Lines that look like commands: pieces of the grammar in any order.
pub(crate) fn near_command() -> impl Strategy<Value = String> {
    let piece = select(
        &[
            "MAIL",
            "RCPT",
            "EHLO",
            "BDAT",
            "AUTH",
            "STARTTLS",
            "XCLIENT",
            "mail from:",
            " FROM:",
            " TO:",
            "<",
            ">",
            "<>",
            "a",
            "@",
            "b.c",
            "\"",
            "\\",
            "[",
            "]",
            "[IPv6:",
            "::1",
            ":",
            " ",
            "\t",
            "=",
            ";",
            ",",
            "+2B",
            "+",
            "SIZE",
            "SIZE=1",
            "BODY=7BIT",
            "HOLDFOR=1",
            "HOLDUNTIL=",
            "NOTIFY=NEVER",
            "ORCPT=rfc822;a",
            "ORCPT=utf-8;",
            "\\x{E9}",
            "é",
            "用",
            "18446744073709551616",
            "7",
            "LAST",
            "Postmaster",
            "X-Y",
            "-",
            ".",
            "\u{7f}",
            "\u{1}",
        ][..],
    );
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}
