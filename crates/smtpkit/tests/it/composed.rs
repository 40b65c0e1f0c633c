//! A message made of flags, as another program reads it: Python's email package finds the same octets, types and names.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{ALICE, BOB, Server, check, finish};

/// Every leaf part: type, file name, and the octets as hexadecimal digits.
const READ: &str = "
import email, email.policy, json, sys
message = email.message_from_bytes(open(sys.argv[1], 'rb').read(), policy=email.policy.default)
parts = [part for part in message.walk() if not part.is_multipart()]
print(json.dumps({
    'subject': message['subject'],
    'structure': [part.get_content_type() for part in message.walk()],
    'parts': [[part.get_content_type(), part.get_filename(), part.get_content_disposition(),
               part.get_payload(decode=True).hex()] for part in parts],
    'defects': [str(defect) for part in message.walk() for defect in part.defects],
}))
";

#[test]
fn another_parser_finds_what_the_flags_say() {
    let server = Server::start();
    let octets: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    // RFC 2231: a plain name, one beyond ASCII, and one that is too long for a line
    let long = format!("{}.pdf", "sehr lang ".repeat(12).trim_end());
    let names = ["file.png", "Übersicht 日本.png", &long, "a \"quoted\"; name.txt"];
    let mut command = server.send("submission");
    command.args(["--from", ALICE, "--to", BOB, "--subject", "Grüße 日本", "--text", "Grüße\n.\nFrom here"]);
    command.args(["--html", "<p>Grüße &amp; <b>日本</b></p>"]);
    for name in names {
        let file = server.scratch().join(name);
        fs::write(&file, &octets).unwrap();
        command.arg("--attach").arg(file);
    }
    check(&finish(&mut command), 0, &["1 of 1"]);

    let stored = server.messages("bob").remove(0);
    let text = String::from_utf8(stored.clone()).unwrap();
    assert!(text.contains("filename*=utf-8''") || text.contains("filename*=UTF-8''"), "RFC 2231 section 4");
    let file = server.scratch().join("stored.eml");
    fs::write(&file, stored).unwrap();
    let read = finish(Command::new("python3").args(["-c", READ]).arg(file));
    check(&read, 0, &[]);
    let read: Value = serde_json::from_str(&read.1).unwrap();
    assert_eq!((&read["subject"], &read["defects"]), (&"Grüße 日本".into(), &json!([])));
    let structure = ["multipart/mixed", "multipart/alternative", "text/plain", "text/html"];
    assert_eq!(read["structure"].as_array().unwrap()[..4], structure.map(Value::from));

    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let parts = read["parts"].as_array().unwrap();
    let body = |at: usize| {
        let octets = parts[at][3].as_str().unwrap().as_bytes().chunks(2);
        let octets = octets.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
        String::from_utf8(octets.collect()).unwrap().replace("\r\n", "\n").trim_end().to_owned()
    };
    assert_eq!(
        (body(0).as_str(), body(1).as_str()),
        ("Grüße\n.\nFrom here", "<p>Grüße &amp; <b>日本</b></p>")
    );
    for (at, (name, kind)) in
        names.iter().zip(["image/png", "image/png", "application/pdf", "text/plain"]).enumerate()
    {
        assert_eq!(parts[at + 2], json!([kind, name, "attachment", hex(&octets)]));
    }
}
