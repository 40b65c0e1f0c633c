//! What a person sees when the server starts, and the `ready` line that a script waits for.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;

use super::first_start::FirstAccount;
use super::listen_url::{ListenUrl, Scheme};
use super::settings::Settings;

/// Says on standard error that the configuration is good.
pub(crate) fn checked() {
    say("the configuration is good\n");
}

/// Says on standard error what is most likely a mistake.
pub(crate) fn warned(warnings: &[String]) {
    for warning in warnings {
        say(&format!("warning: {warning}\n"));
    }
}

/// The line that says that every listener accepts.
pub(crate) fn ready(json: bool, listeners: &[ListenUrl], metrics: Option<SocketAddr>) -> String {
    if !json {
        return "ready".to_owned();
    }
    let listeners: Vec<_> = listeners
        .iter()
        .map(|url| match &url.address {
            super::listen_url::ListenAddress::Tcp(address) => serde_json::json!({
                "url": url.to_string(),
                "scheme": url.scheme.name(),
                "address": address.to_string(),
                "host": address.ip().to_string(),
                "port": address.port(),
            }),
            super::listen_url::ListenAddress::Unix(path) => serde_json::json!({
                "url": url.to_string(),
                "scheme": url.scheme.name(),
                "address": path,
            }),
            super::listen_url::ListenAddress::Inherited(name) => serde_json::json!({
                "url": url.to_string(),
                "scheme": url.scheme.name(),
                "address": name,
            }),
        })
        .collect();
    let mut line = serde_json::json!({ "ready": true, "listeners": listeners });
    if let (Some(address), Some(line)) = (metrics, line.as_object_mut()) {
        line.insert("metrics".to_owned(), address.to_string().into());
    }
    line.to_string()
}

/// Shows where the server listens, what to trust, and how to try it.
pub(crate) fn started(settings: &Settings, listeners: &[ListenUrl], first: Option<&FirstAccount>) {
    let mut text = format!("smtpkit {} on {}\n", env!("CARGO_PKG_VERSION"), settings.hostname);
    for url in listeners {
        text.push_str(&format!("  {:<42} {}\n", url.to_string(), purpose(url.scheme)));
    }
    let domains: Vec<_> = settings.directory.domains().collect();
    text.push_str(&format!("  local domains: {}\n", domains.join(", ")));
    text.push_str(&format!("  mail folder:   {}\n", settings.data.join("mail").display()));
    let trust = settings.certificates.is_empty().then(|| settings.data.join("tls").join("ca.pem"));
    if let Some(trust) = &trust {
        text.push_str(&format!("  trust file:    {}\n", trust.display()));
    }
    if let Some(first) = first {
        text.push_str(&introduce(first, listeners, trust.as_deref()));
    }
    say(&text);
}

fn purpose(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Mx => "mail for the local domains",
        Scheme::Submission => "mail from users: STARTTLS, then AUTH",
        Scheme::Submissions => "mail from users: TLS, then AUTH",
        Scheme::Lmtp => "mail from another server, for local delivery",
    }
}

/// The first account, its password if it is new, and a line that sends a greeting.
fn introduce(first: &FirstAccount, listeners: &[ListenUrl], trust: Option<&std::path::Path>) -> String {
    let Some(address) = &first.address else { return String::new() };
    let Some(password) = first.password.as_ref().and_then(|password| password.expose_str()) else {
        return format!(
            "  account:       {address} (its password was shown on the first start; {} holds the hash)\n",
            first.file.display()
        );
    };
    let mut text = format!(
        "  account:       {address}\n  password:      {password}   (shown this once; kept as a hash in {})\n",
        first.file.display()
    );
    let submission = |url: &&ListenUrl| matches!(url.scheme, Scheme::Submission | Scheme::Submissions);
    if let Some(url) = listeners.iter().find(submission) {
        let super::listen_url::ListenAddress::Tcp(listening) = &url.address else { return text };
        let scheme = if url.scheme == Scheme::Submission { "smtp" } else { "smtps" };
        let mut reachable = *listening;
        if listening.ip().is_unspecified() {
            reachable.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let trust =
            trust.map_or_else(String::new, |path| format!(" --ca {}", shell_word(&path.to_string_lossy())));
        let program = std::env::args().next().unwrap_or_else(|| "smtpkit".to_owned());
        text.push_str(&format!(
            "\nSend a first message:\n  SMTPKIT_PASSWORD={password} {} send {scheme}://{reachable} --user {address}{trust} --from {address} --to {address} --subject Hello --text 'It works.'\n",
            shell_word(&program),
        ));
    }
    text
}

/// A word that a POSIX shell reads as it is.
fn shell_word(text: &str) -> String {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"/._-+:@%=,".contains(&octet);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Writes to standard error; nobody reading it is no reason to stop.
fn say(text: &str) {
    let mut output = std::io::stderr().lock();
    let bold = output.is_terminal();
    let (on, off) = if bold { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let _ = writeln!(output, "{on}{first}{off}").and_then(|()| output.write_all(rest.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_words() {
        assert_eq!(shell_word("./smtpkit-data/tls/ca.pem"), "./smtpkit-data/tls/ca.pem");
        assert_eq!(shell_word("a b"), "'a b'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn ready_names_the_bound_addresses() {
        let url: ListenUrl = "mx://127.0.0.1:2525".parse().unwrap();
        assert_eq!(ready(false, &[], None), "ready");
        let line: serde_json::Value = serde_json::from_str(&ready(true, &[url], None)).unwrap();
        assert_eq!(line["listeners"][0]["url"], "mx://127.0.0.1:2525");
        assert_eq!(line["listeners"][0]["port"], 2525);
    }
}
