//! The row of an event in the outbox.

use bytes::Bytes;

use crate::batch::Event;
use crate::queue_id::QueueId;
use crate::timestamp::Timestamp;

use super::octets::{BadRow, RowReader, RowWriter};

const VERSION: u8 = 1;

pub(crate) fn encode_event(event: &Event) -> Vec<u8> {
    let mut row = RowWriter::new(VERSION, 24 + event.payload.len());
    row.number(event.at.get());
    row.number(event.id.get());
    row.octets(&event.payload);
    row.finish()
}

pub(crate) fn decode_event(row: &[u8]) -> Result<Event, BadRow> {
    let mut row = RowReader::new(VERSION, row)?;
    let event = Event {
        at: Timestamp::new(row.number()?),
        id: QueueId::from_u64(row.number()?),
        payload: Bytes::copy_from_slice(row.octets()?),
    };
    row.end()?;
    Ok(event)
}
