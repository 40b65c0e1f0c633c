//! Who a message is from and for: the flags, and with `-t` the header as well.

use smtpkit_codec::address::{AddressError, ForwardPath, ReversePath};
use smtpkit_codec::envelope::{Envelope, Recipient};
use smtpkit_codec::extension::Body;
use smtpkit_codec::{MailParameters, RcptParameters};
use smtpkit_mime::HopCapabilities;
use smtpkit_mime::build::EnvelopeAddresses;

use super::args::EnvelopeArgs;
use crate::exit::{Exit, Failure};

/// The envelope for a message with these header addresses that needs these extensions.
pub(crate) fn envelope(
    args: &EnvelopeArgs,
    header: &EnvelopeAddresses,
    needs: HopCapabilities,
) -> Result<Envelope, Failure> {
    let mut parameters = MailParameters::default();
    if needs.covers(HopCapabilities::EIGHT_BIT) {
        parameters = parameters.with_body(Body::EightBitMime);
    }
    let reverse_path = reverse_path(args, header)?;
    let recipients = recipients(args, header)?;
    let international = needs.covers(HopCapabilities::SMTPUTF8)
        || !reverse_path.to_string().is_ascii()
        || recipients.iter().any(|path| !path.to_string().is_ascii());
    if international {
        parameters = parameters.with_smtputf8();
    }
    let mut rcpt_parameters = RcptParameters::default();
    for text in &args.param {
        let (is_rcpt, text) = text.strip_prefix("rcpt:").map_or((false, text.as_str()), |rest| (true, rest));
        let (keyword, value) =
            text.split_once('=').map_or((text, None), |(keyword, value)| (keyword, Some(value)));
        let pushed = if is_rcpt {
            rcpt_parameters.push_raw(keyword, value).map_err(|error| error.to_string())
        } else {
            parameters.push_raw(keyword, value).map_err(|error| error.to_string())
        };
        pushed.map_err(|error| Failure::new(Exit::Usage, format!("--param {text}: {error}")))?;
    }
    if !args.dsn.is_empty() {
        let events = args.dsn.join(",").to_ascii_uppercase();
        rcpt_parameters
            .push_raw("NOTIFY", Some(&events))
            .map_err(|error| Failure::new(Exit::Usage, format!("--dsn {}: {error}", args.dsn.join(","))))?;
    }
    let recipients =
        recipients.into_iter().map(|path| Recipient { path, parameters: rcpt_parameters.clone() }).collect();
    Ok(Envelope { reverse_path, parameters, recipients })
}

fn reverse_path(args: &EnvelopeArgs, header: &EnvelopeAddresses) -> Result<ReversePath, Failure> {
    let text = match (&args.from, header.reverse_path()) {
        (Some(from), _) => from.as_str(),
        (None, Some(author)) => author.as_str(),
        (None, None) => {
            return Err(Failure::new(
                Exit::Usage,
                "no sender; name one with --from, or `--from '<>'` for none",
            ));
        }
    };
    address_of(text)
        .parse()
        .map_err(|error| Failure::new(Exit::Usage, format!("--from {}: {error}", printable(text))))
}

fn recipients(args: &EnvelopeArgs, header: &EnvelopeAddresses) -> Result<Vec<ForwardPath>, Failure> {
    let named = args.to.iter().map(|text| text.trim_matches(' '));
    let read = header.recipients().iter().map(|address| address.as_str()).filter(|_| args.read_recipients);
    let mut recipients: Vec<ForwardPath> = Vec::new();
    for text in named.chain(read) {
        let path = forward_path(text)
            .map_err(|error| Failure::new(Exit::Usage, format!("--to {}: {error}", printable(text))))?;
        if !recipients.contains(&path) {
            recipients.push(path);
        }
    }
    if recipients.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "no recipient; name one with --to, or take them from the header with -t",
        ));
    }
    Ok(recipients)
}

/// The recipient that an address names, with or without a name in front of it.
pub(crate) fn forward_path(text: &str) -> Result<ForwardPath, AddressError> {
    address_of(text).parse()
}

/// The address of `Name <address>`; an envelope has no names. What could not stand there as a name is none, so that
/// nothing hides in front of an address.
fn address_of(text: &str) -> &str {
    match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) if is_name(name.trim_matches(' ')) => address,
        _ => text,
    }
}

/// Whether the text can be a display name (RFC 5322 §3.4): words, or a quoted string.
fn is_name(text: &str) -> bool {
    let is_quoted = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
    let is_special = |character| matches!(character, '@' | '<' | '>' | ':' | ';' | ',' | '"' | '\\');
    !text.is_empty() && !text.contains(char::is_control) && (is_quoted || !text.contains(is_special))
}

/// The text of a refused address as a terminal may show it.
fn printable(text: &str) -> String {
    format!("`{}`", text.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_taken_off() {
        for (text, address) in [
            ("Ada <a@x.test>", "a@x.test"),
            ("\"Ada, the @first\" <a@x.test>", "a@x.test"),
            ("<a@x.test>", "<a@x.test>"),
            ("<>", "<>"),
            ("b@x.test\r\nRCPT TO:<a@x.test>", "b@x.test\r\nRCPT TO:<a@x.test>"),
            ("b@x.test> <a@x.test>", "b@x.test> <a@x.test>"),
        ] {
            assert_eq!(address_of(text), address);
        }
    }
}
