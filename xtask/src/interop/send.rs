//! `smtpkit send` delivers to other people's servers: Postfix's smtp-sink without TLS, aiosmtpd with STARTTLS and AUTH.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::samples;
use super::server::{PASSWORD, RECIPIENT, Server, USER};
use crate::shell::{Failed, failed, output};
use crate::tools;

/// Sends every sample to every server; gives how many deliveries were made.
pub(super) fn run() -> Result<usize, Failed> {
    Ok(to_smtp_sink()? + to_aiosmtpd()?)
}

/// A process of ours that ends with its owner.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn to_smtp_sink() -> Result<usize, Failed> {
    let folder = tempfile::tempdir()?;
    let Some(program) = tools::find("smtp-sink") else { return failed("smtp-sink is missing") };
    let port = free_port()?;
    // it drops to another user for its files, so the folder is open to all
    let dumps = folder.path().join("dumps");
    fs::create_dir(&dumps)?;
    let sink = Command::new(program)
        .current_dir(&dumps)
        .args(["-d", "%S.", "-u", "root", &format!("127.0.0.1:{port}"), "100"])
        .stdout(Stdio::null())
        .spawn()?;
    let _sink = Peer(sink);
    wait_for(port)?;
    let mut deliveries = 0;
    for sample in samples::all() {
        let content = folder.path().join("sample.eml");
        fs::write(&content, &sample.content)?;
        output(&mut smtpkit_send(&format!("smtp://127.0.0.1:{port}?tls=off"), &content))?;
        let dump = only_file(&dumps)?;
        let stored = fs::read(&dump)?;
        fs::remove_file(&dump)?;
        compare("smtp-sink", sample.name, after_sink_header(&stored), &local_line_ends(&sample.arrives()))?;
        deliveries += 1;
    }
    println!("{:>10} → smtp-sink, plain: ok", "send");
    Ok(deliveries)
}

/// smtp-sink writes its own X- lines and a Received field before the content.
fn after_sink_header(dump: &[u8]) -> &[u8] {
    let marker = b"From: Alice";
    let at = dump.windows(marker.len()).position(|window| window == marker).unwrap_or(dump.len());
    let content = dump.get(at..).unwrap_or_default();
    // and an empty line behind it
    content.strip_suffix(b"\n").unwrap_or(content)
}

fn local_line_ends(content: &[u8]) -> Vec<u8> {
    content.iter().copied().filter(|octet| *octet != b'\r').collect()
}

const AIOSMTPD: &str = r#"
import asyncio, ssl, sys
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
certificate, key, folder, user, password = sys.argv[1:]
class Keep:
    count = 0
    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        with open(f"{folder}/{self.count}.new", "wb") as file:
            file.write(envelope.original_content)
        return "250 2.0.0 kept"
def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and data.login == user.encode() and data.password == password.encode()
    return AuthResult(success=good, handled=False)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
controller = Controller(Keep(), hostname="127.0.0.1", port=int(sys.stdin.readline()), tls_context=context,
    require_starttls=True, authenticator=authenticate, auth_required=True, decode_data=False)
controller.start()
print("ready", flush=True)
sys.stdin.read()
controller.stop()
"#;

fn to_aiosmtpd() -> Result<usize, Failed> {
    // the development identity of a server of ours serves as the certificate of theirs
    let identity = Server::start()?;
    let tls = identity.trust();
    let Some(tls) = tls.parent() else { return failed("no identity") };
    let folder = tempfile::tempdir()?;
    let mut child = Command::new("/usr/bin/python3")
        .args(["-W", "ignore", "-c", AIOSMTPD])
        .arg(tls.join("cert.pem"))
        .arg(tls.join("key.pem"))
        .arg(folder.path())
        .args([USER, PASSWORD])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let port = free_port()?;
    let mut input = child.stdin.take();
    let output_of_child = child.stdout.take();
    let _peer = Peer(child);
    if let Some(input) = input.as_mut() {
        writeln!(input, "{port}")?;
    }
    let mut ready = String::new();
    if let Some(stdout) = output_of_child {
        BufReader::new(stdout).read_line(&mut ready)?;
    }
    if ready.trim() != "ready" {
        return failed("aiosmtpd did not start");
    }
    let mut deliveries = 0;
    for sample in samples::all() {
        let content = folder.path().join("sample.eml");
        fs::write(&content, &sample.content)?;
        let url = format!("smtp://127.0.0.1:{port}");
        let mut send = smtpkit_send(&url, &content);
        output(
            send.args(["--user", USER, "--ca"]).arg(tls.join("ca.pem")).env("SMTPKIT_PASSWORD", PASSWORD),
        )?;
        deliveries += 1;
        let stored = fs::read(folder.path().join(format!("{deliveries}.new")))?;
        compare("aiosmtpd", sample.name, &stored, &sample.arrives())?;
    }
    println!("{:>10} → aiosmtpd, STARTTLS and AUTH: ok", "send");
    Ok(deliveries)
}

fn smtpkit_send(url: &str, content: &Path) -> Command {
    let mut command = Command::new(super::program());
    command.args(["send", url, "--from", USER, "--to", RECIPIENT]).arg(content);
    command
}

fn compare(peer: &str, sample: &str, stored: &[u8], sent: &[u8]) -> Result<(), Failed> {
    if stored == sent {
        return Ok(());
    }
    failed(format!(
        "{peer}, {sample}: stored {} octets that differ from the {} sent",
        stored.len(),
        sent.len()
    ))
}

fn only_file(folder: &Path) -> Result<std::path::PathBuf, Failed> {
    let files: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    match files.as_slice() {
        [file] => Ok(file.path()),
        files => failed(format!("{} files instead of one in {}", files.len(), folder.display())),
    }
}

/// A port that was free a moment ago, for servers that cannot say which one they got.
fn free_port() -> Result<u16, Failed> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn wait_for(port: u16) -> Result<(), Failed> {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if start.elapsed() > Duration::from_secs(10) {
            return failed(format!("nothing listens on port {port}"));
        }
        std::thread::yield_now();
    }
    Ok(())
}
