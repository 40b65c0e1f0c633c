//! An order to read the configuration anew, on its way from the socket to whoever knows what that is.

use tokio::sync::{mpsc, oneshot};

use super::Answer;

/// Orders that wait; more are refused.
const ORDERS_MAX: usize = 4;

/// The orders, in the order in which they came.
#[derive(Debug)]
pub struct Reloads(mpsc::Receiver<ReloadOrder>);

impl Reloads {
    /// The next one; `None` when none can come any more.
    pub async fn next(&mut self) -> Option<ReloadOrder> {
        self.0.recv().await
    }
}

/// One order. Whoever gave it waits for the answer.
#[derive(Debug)]
#[must_use]
pub struct ReloadOrder(oneshot::Sender<Result<(), String>>);

impl ReloadOrder {
    /// It is carried out, or it is not, for this reason.
    pub fn answer(self, outcome: Result<(), String>) {
        // whoever gave it may be gone
        let _ = self.0.send(outcome);
    }
}

/// The other end: gives orders, once there is somebody who takes them.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders(Option<mpsc::Sender<ReloadOrder>>);

impl Orders {
    /// Whoever takes them from now on.
    pub(super) fn taken(&mut self) -> Reloads {
        let (sender, receiver) = mpsc::channel(ORDERS_MAX);
        self.0 = Some(sender);
        Reloads(receiver)
    }

    /// Gives one, and waits for the answer.
    pub(super) async fn give(&self) -> Answer {
        let (sender, receiver) = oneshot::channel();
        let given = self.0.as_ref().map(|orders| orders.try_send(ReloadOrder(sender)));
        match given {
            Some(Ok(())) => match receiver.await {
                Ok(Ok(())) => Answer::Done { changed: 0 },
                Ok(Err(why)) => Answer::Error(why),
                Err(_) => Answer::Error("the server is stopping".to_owned()),
            },
            Some(Err(_)) => Answer::Error("the server is busy, or stopping".to_owned()),
            None => Answer::Error("this server reads nothing anew".to_owned()),
        }
    }
}
