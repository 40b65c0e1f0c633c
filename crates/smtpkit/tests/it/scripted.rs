//! Servers that misbehave by script: each answers what it reads with the next line of its script.

use std::io::{BufReader, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

/// One connection: after the greeting, one scripted answer for each line of the client. `Hang up` closes. Content
/// after a 354 counts as one line.
pub(crate) struct Scripted {
    pub(crate) port: u16,
    thread: Option<JoinHandle<Vec<String>>>,
}

impl Scripted {
    pub(crate) fn start(script: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut stream = stream;
            let mut heard = Vec::new();
            for (at, answer) in script.iter().enumerate() {
                if at > 0 && !hear(&mut reader, &mut heard, script[at - 1].starts_with("354")) {
                    break;
                }
                if *answer == "hang up" {
                    break;
                }
                // the client may be gone already
                let _ = stream.write_all(answer.replace('\n', "\r\n").as_bytes());
                let _ = stream.write_all(b"\r\n");
            }
            heard
        });
        Self { port, thread: Some(thread) }
    }

    /// What the client said.
    pub(crate) fn heard(mut self) -> Vec<String> {
        self.thread.take().unwrap().join().unwrap()
    }
}

/// Reads one line, or content up to its end; `false` when the client is gone.
fn hear(reader: &mut impl std::io::BufRead, heard: &mut Vec<String>, content: bool) -> bool {
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return false;
        }
        let line = line.trim_end().to_owned();
        let ended = !content || line == ".";
        heard.push(line);
        if ended {
            return true;
        }
    }
}

/// A server that greets, and answers each line as the rule says, on any number of connections, for as long as the test
/// runs. Content is not read: after a 354 each line of it is a command like any other.
pub(crate) fn answering(rule: fn(&str) -> &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let reader = BufReader::new(stream.try_clone().unwrap());
                // the client may go at any time
                let _ = stream.write_all(b"220 mx.example.test\r\n");
                for line in std::io::BufRead::lines(reader) {
                    let Ok(line) = line else { return };
                    let _ = stream.write_all(format!("{}\r\n", rule(&line)).as_bytes());
                    if line.starts_with("QUIT") {
                        return;
                    }
                }
            });
        }
    });
    port
}
