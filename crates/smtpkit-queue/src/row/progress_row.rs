//! The row of one recipient's progress: where it stands after what was accepted.

use smtpkit_codec::{EnhancedStatusCode, StatusClass};

use crate::index::Progress;
use crate::recipient::{DelayNotice, LastReply, RecipientState};
use crate::site::Site;
use crate::timestamp::Timestamp;

use super::octets::{BadRow, RowReader, RowWriter};

const VERSION: u8 = 1;

pub(crate) fn encode_progress(progress: &Progress) -> Vec<u8> {
    let mut row = RowWriter::new(VERSION, 96);
    row.octet(match progress.state {
        // a lease is not written down
        RecipientState::Queued | RecipientState::Leased => 0,
        RecipientState::Held => 1,
        RecipientState::Done => 2,
        RecipientState::Failed => 3,
    });
    row.octet((progress.delay_notice == DelayNotice::Sent).into());
    row.number(progress.attempts.into());
    row.number(progress.due.get());
    row.optional_number(progress.last_attempt.map(Timestamp::get));
    row.text(progress.site.as_str());
    match &progress.last_reply {
        None => row.octet(0),
        Some(reply) => {
            row.octet(reply.status.class() as u8);
            row.number(reply.status.subject().into());
            row.number(reply.status.detail().into());
            row.optional_text(reply.host.as_deref());
            row.text(&reply.text);
        }
    }
    row.finish()
}

pub(crate) fn decode_progress(row: &[u8]) -> Result<Progress, BadRow> {
    let mut row = RowReader::new(VERSION, row)?;
    let state = match row.octet()? {
        0 => RecipientState::Queued,
        1 => RecipientState::Held,
        2 => RecipientState::Done,
        3 => RecipientState::Failed,
        _ => return Err(BadRow::Field("a recipient is in an unknown state")),
    };
    let delay_notice = match row.octet()? {
        0 => DelayNotice::Owed,
        1 => DelayNotice::Sent,
        _ => return Err(BadRow::Field("a delay notice is neither owed nor sent")),
    };
    let progress = Progress {
        state,
        leased: false,
        stored: true,
        delay_notice,
        attempts: row.small_number()?,
        due: Timestamp::new(row.number()?),
        last_attempt: row.optional_number()?.map(Timestamp::new),
        site: Site::new(row.text()?),
        last_reply: decode_reply(&mut row)?,
    };
    row.end()?;
    Ok(progress)
}

fn decode_reply(row: &mut RowReader<'_>) -> Result<Option<Box<LastReply>>, BadRow> {
    const DAMAGED: BadRow = BadRow::Field("the last reply is damaged");
    let class = match row.octet()? {
        0 => return Ok(None),
        2 => StatusClass::Success,
        4 => StatusClass::Transient,
        5 => StatusClass::Permanent,
        _ => return Err(DAMAGED),
    };
    let subject = u16::try_from(row.number()?).map_err(|_| DAMAGED)?;
    let detail = u16::try_from(row.number()?).map_err(|_| DAMAGED)?;
    let status = EnhancedStatusCode::new(class, subject, detail).ok_or(DAMAGED)?;
    let host = row.optional_text()?.map(Box::from);
    Ok(Some(Box::new(LastReply { host, status, text: row.text()?.into() })))
}
