//! The facts of a message as one JSON object.
//!
//! ```json
//! {"subject": …, "date": …, "message_id": …, "from": [{"name": …, "address": …}], "to": […], "cc": […],
//!  "parts": [{"content_type": …, "filename": …, "charset": …, "encoding": …, "size": …, "sha256": …, "text": …}],
//!  "defects": [{"at": …, "kind": …}]}
//! ```
//!
//! What is not known is `null`; `text` is there only if it was wanted. Parts are leaves, in order.

use core::fmt::{self, Write};

use crate::facts::{Facts, MailboxFacts, PartFacts};

impl<D> Facts<D> {
    /// Writes the facts as one line of JSON; `digest` writes the digest of a part in hexadecimal.
    ///
    /// ```
    /// use smtpkit_mime::facts::Inspector;
    ///
    /// let mut inspector = Inspector::<()>::new(0);
    /// inspector.push(b"Subject: \"hi\"\n\n");
    /// let json = inspector.finish().to_json(|_| String::from("00"));
    /// assert!(json.starts_with(r#"{"subject":"\"hi\"","date":null,"#));
    /// ```
    pub fn to_json(&self, digest: impl Fn(&D) -> String) -> String {
        let mut out = Object(String::from("{"));
        out.text("subject", self.subject.as_deref());
        out.text("date", self.date.map(|date| date.rfc3339().to_string()).as_deref());
        out.text("message_id", self.message_id.as_deref());
        for (key, list) in [("from", &self.from), ("to", &self.to), ("cc", &self.cc)] {
            out.list(key, list.iter(), mailbox);
        }
        out.list("parts", self.leaves(), |part| leaf(part, digest(&part.digest)));
        out.list("defects", self.defects.iter(), |defect| {
            let mut object = Object(String::from("{"));
            object.number("at", defect.at);
            object.text("kind", Some(defect.kind.text()));
            object.close()
        });
        out.close()
    }
}

fn mailbox(mailbox: &MailboxFacts) -> String {
    let mut object = Object(String::from("{"));
    object.text("name", mailbox.name.as_deref());
    object.text("address", mailbox.address.as_deref());
    object.close()
}

fn leaf<D>(part: &PartFacts<D>, digest: String) -> String {
    let mut object = Object(String::from("{"));
    object.text("content_type", Some(&part.content_type));
    object.text("filename", part.file_name.as_deref());
    object.text("charset", part.charset.as_deref());
    object.text("encoding", part.encoding.name());
    object.number("size", part.octets);
    object.text("sha256", Some(&digest));
    if part.text.is_some() {
        object.text("text", part.text.as_deref());
    }
    object.close()
}

/// An object that is being written.
struct Object(String);

impl Object {
    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.quote(key);
        self.0.push(':');
    }

    fn text(&mut self, key: &str, value: Option<&str>) {
        self.key(key);
        match value {
            Some(value) => self.quote(value),
            None => self.0.push_str("null"),
        }
    }

    fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        self.0.push_str(&value.to_string());
    }

    fn list<T>(&mut self, key: &str, items: impl Iterator<Item = T>, write: impl Fn(T) -> String) {
        self.key(key);
        self.0.push('[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            self.0.push_str(&write(item));
        }
        self.0.push(']');
    }

    fn quote(&mut self, text: &str) {
        quote(text, &mut self.0).expect("invariant: writing to a String cannot fail");
    }

    fn close(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// Writes a string as RFC 8259 §7 has it.
fn quote(text: &str, out: &mut String) -> fmt::Result {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // U+2028 and U+2029 end lines in scripts
            control @ ('\0'..' ' | '\u{7f}' | '\u{2028}' | '\u{2029}') => {
                write!(out, "\\u{:04x}", u32::from(control))?
            }
            other => out.push(other),
        }
    }
    out.push('"');
    Ok(())
}
