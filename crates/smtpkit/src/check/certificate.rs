//! What a certificate says, and what an operator ought to know about it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use smtpkit_mime::DateTime;
use smtpkit_tls::Certificate;

/// A certificate that ends sooner than this is worth a word.
const RENEWAL: Duration = Duration::from_secs(30 * 24 * 3600);

/// One certificate of a chain, as it is at a moment.
pub(crate) struct Shown {
    certificate: Certificate,
    now: SystemTime,
}

impl Shown {
    pub(crate) const fn new(certificate: Certificate, now: SystemTime) -> Self {
        Self { certificate, now }
    }

    /// What it is good for: names and addresses.
    fn names(&self) -> Vec<String> {
        let addresses = self.certificate.ip_addresses().iter().map(ToString::to_string);
        self.certificate.dns_names().iter().cloned().chain(addresses).collect()
    }

    /// Whole days until it ends; none once it has.
    fn days_left(&self) -> Option<u64> {
        let left = self.certificate.not_after().duration_since(self.now).ok()?;
        Some(left.as_secs() / (24 * 3600))
    }

    /// What is wrong with its dates.
    pub(crate) fn warning(&self) -> Option<String> {
        let subject = self.certificate.subject();
        if self.now < self.certificate.not_before() {
            return Some(format!(
                "the certificate of {subject} is not valid before {}",
                date(self.certificate.not_before())
            ));
        }
        match self.certificate.not_after().duration_since(self.now) {
            Err(_) => Some(format!(
                "the certificate of {subject} has ended at {}",
                date(self.certificate.not_after())
            )),
            Ok(left) if left <= RENEWAL => Some(format!(
                "the certificate of {subject} ends in {} days; renew it",
                left.as_secs() / (24 * 3600)
            )),
            Ok(_) => None,
        }
    }

    /// The lines of a table.
    pub(crate) fn lines(&self) -> Vec<String> {
        let days = self.days_left().map_or_else(|| "ended".to_owned(), |days| format!("{days} days left"));
        let mut lines = vec![
            self.certificate.subject().to_owned(),
            format!("  issued by {}", self.certificate.issuer()),
            format!(
                "  valid {} to {} ({days})",
                date(self.certificate.not_before()),
                date(self.certificate.not_after())
            ),
        ];
        let names = self.names();
        if !names.is_empty() {
            lines.push(format!("  for {}", names.join(", ")));
        }
        lines
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "subject": self.certificate.subject(),
            "issuer": self.certificate.issuer(),
            "names": self.names(),
            "not_before": date(self.certificate.not_before()),
            "not_after": date(self.certificate.not_after()),
            "days_left": self.days_left(),
        })
    }
}

/// As RFC 3339 writes it; certificates know no time before 1950, and those before 1970 are shown as 1970.
fn date(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let date = i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_unix_seconds(seconds, 0).ok());
    date.map_or_else(|| format!("{seconds} s after 1970"), |date| date.rfc3339().to_string())
}
