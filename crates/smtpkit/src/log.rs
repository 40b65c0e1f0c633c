//! Where log records go: standard error, as text for people or JSON for collectors.

use tracing_subscriber::EnvFilter;

/// The form of a log record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
}

/// Sends the log to standard error. `verbosity` 0 shows one record a transaction, 1 adds detail, 2 every command and
/// reply. `SMTPKIT_LOG` overrides it, in the syntax of tracing's filters.
pub(crate) fn start(form: Form, verbosity: u8) {
    let default = match verbosity {
        0 => "warn,smtpkit=info",
        1 => "info,smtpkit=debug",
        _ => "debug,smtpkit=trace",
    };
    let filter = EnvFilter::builder()
        .parse(std::env::var("SMTPKIT_LOG").unwrap_or_default())
        .ok()
        .filter(|_| std::env::var_os("SMTPKIT_LOG").is_some())
        .unwrap_or_else(|| EnvFilter::new(default));
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    match form {
        Form::Text => builder.with_target(false).init(),
        Form::Json => builder.json().flatten_event(true).init(),
    }
}
