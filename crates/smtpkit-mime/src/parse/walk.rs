//! The events of a message in memory, in the order in which the push parser tells them.

use crate::header::Fields;
use crate::parse::{Event, Message, Part, PartHead, PartKind};

/// The events of a [`Message`], from [`Message::events`].
///
/// ```
/// use smtpkit_mime::{Event, Message};
///
/// let message = Message::parse(b"Subject: hi\r\n\r\nbody");
/// let bodies = message.events().filter(|event| matches!(event, Event::Body(b"body"))).count();
/// assert_eq!(bodies, 1);
/// ```
#[derive(Debug, Clone)]
pub struct Events<'m> {
    message: &'m Message<'m>,
    state: State<'m>,
}

#[derive(Debug, Clone)]
enum State<'m> {
    Start(u32),
    Fields(u32, Fields<'m>),
    Body(u32),
    Epilogue(u32),
    End(u32),
    Done,
}

impl<'m> Events<'m> {
    pub(crate) fn new(message: &'m Message<'m>) -> Self {
        Self { message, state: State::Start(0) }
    }

    fn part(&self, index: u32) -> Part<'m> {
        Part::new(self.message, index)
    }

    /// What follows the header or preamble of a part: its first child, or its own end.
    fn inside(&self, index: u32) -> State<'m> {
        if self.part(index).is_leaf() { State::Epilogue(index) } else { State::Start(index + 1) }
    }

    /// What follows a part: its next sibling, or the end of its parent.
    fn behind(&self, index: u32) -> State<'m> {
        let Some(parent) = self.part(index).parent() else { return State::Done };
        let sibling = self.message.entry(index).next;
        if sibling < self.message.entry(parent.index()).next {
            State::Start(sibling)
        } else {
            State::Epilogue(parent.index())
        }
    }
}

impl<'m> Iterator for Events<'m> {
    type Item = Event<'m>;

    fn next(&mut self) -> Option<Event<'m>> {
        loop {
            match &mut self.state {
                State::Start(index) => {
                    let part = Part::new(self.message, *index);
                    self.state = State::Fields(*index, part.header().fields());
                    return Some(Event::PartStart { depth: part.depth(), at: part.at() });
                }
                State::Fields(index, fields) => {
                    if let Some(field) = fields.next() {
                        return Some(Event::Field(field));
                    }
                    let part = Part::new(self.message, *index);
                    self.state = State::Body(*index);
                    let (kind, encoding) = (part.kind(), part.encoding());
                    return Some(Event::HeaderEnd(PartHead { kind, encoding, body_at: part.body_at() }));
                }
                State::Body(index) => {
                    let part = Part::new(self.message, *index);
                    self.state = self.inside(part.index());
                    let event = match part.kind() {
                        PartKind::Multipart => Event::Preamble(part.preamble()),
                        PartKind::Message => continue,
                        PartKind::Leaf | PartKind::EncodedMessage => Event::Body(part.raw_body()),
                    };
                    if let Event::Preamble(octets) | Event::Body(octets) = event
                        && !octets.is_empty()
                    {
                        return Some(event);
                    }
                }
                State::Epilogue(index) => {
                    let part = Part::new(self.message, *index);
                    self.state = State::End(part.index());
                    if part.kind() == PartKind::Multipart && !part.epilogue().is_empty() {
                        return Some(Event::Epilogue(part.epilogue()));
                    }
                }
                State::End(index) => {
                    let part = Part::new(self.message, *index);
                    self.state = self.behind(part.index());
                    return Some(Event::PartEnd { at: part.at() + part.raw().len() as u64 });
                }
                State::Done => return None,
            }
        }
    }
}
