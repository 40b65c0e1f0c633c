//! The promise of a spool that something will be durable: a future for any executor, and a
//! blocking wait for who has none.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::SpoolError;

/// Resolves when the change is on disk, or cannot be.
///
/// It may be dropped: the change is made nevertheless.
///
/// ```
/// use smtpkit_queue::{Batch, MemorySpool, Spool};
///
/// let spool = MemorySpool::new(0);
/// assert_eq!(spool.commit(Batch::default()).wait()?.changed, 0);
/// # Ok::<(), smtpkit_queue::SpoolError>(())
/// ```
#[must_use = "nothing may be acknowledged before this resolves"]
pub struct Pending<T>(Arc<Cell<T>>);

/// The other end of [`Pending`]. Dropped without an answer, it answers [`SpoolError::Closed`].
pub(crate) struct Promise<T>(Option<Arc<Cell<T>>>);

struct Cell<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

enum State<T> {
    Waiting {
        waker: Option<Waker>,
        /// Does a thread sleep? Waking nobody would cost a system call all the same.
        blocked: bool,
    },
    Answered(Option<Result<T, SpoolError>>),
}

impl<T> Cell<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // no code panics while it holds the lock
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Pending<T> {
    pub(crate) fn new() -> (Promise<T>, Self) {
        let cell = Arc::new(Cell {
            state: Mutex::new(State::Waiting { waker: None, blocked: false }),
            changed: Condvar::new(),
        });
        (Promise(Some(Arc::clone(&cell))), Self(cell))
    }

    pub(crate) fn ready(answer: Result<T, SpoolError>) -> Self {
        Self(Arc::new(Cell { state: Mutex::new(State::Answered(Some(answer))), changed: Condvar::new() }))
    }

    /// Blocks this thread until it is done.
    ///
    /// # Errors
    /// Whatever the operation's own error is; [`SpoolError::Closed`] if the spool was closed first.
    pub fn wait(self) -> Result<T, SpoolError> {
        let mut state = self.0.lock();
        loop {
            match &mut *state {
                State::Answered(answer) => return answer.take().unwrap_or(Err(SpoolError::Closed)),
                State::Waiting { blocked, .. } => {
                    *blocked = true;
                    state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, SpoolError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self.0.lock() {
            State::Answered(answer) => Poll::Ready(answer.take().unwrap_or(Err(SpoolError::Closed))),
            State::Waiting { waker, .. } => {
                match waker {
                    Some(known) => known.clone_from(context.waker()),
                    None => *waker = Some(context.waker().clone()),
                }
                Poll::Pending
            }
        }
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

impl<T> Promise<T> {
    pub(crate) fn keep(mut self, answer: Result<T, SpoolError>) {
        self.answer(answer);
    }

    fn answer(&mut self, answer: Result<T, SpoolError>) {
        let Some(cell) = self.0.take() else { return };
        let before = std::mem::replace(&mut *cell.lock(), State::Answered(Some(answer)));
        let State::Waiting { waker, blocked } = before else { return };
        if blocked {
            cell.changed.notify_all();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.answer(Err(SpoolError::Closed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_wakes_a_blocked_thread() {
        let (promise, pending) = Pending::new();
        let waiting = std::thread::spawn(move || pending.wait());
        promise.keep(Ok(7));
        assert_eq!(waiting.join().unwrap().unwrap(), 7);
    }

    #[tokio::test]
    async fn an_answer_wakes_a_task() {
        let (promise, pending) = Pending::new();
        let waiting = tokio::spawn(pending);
        tokio::task::yield_now().await;
        promise.keep(Ok(7));
        assert_eq!(waiting.await.unwrap().unwrap(), 7);
    }

    #[test]
    fn a_broken_promise_is_an_error() {
        let (promise, pending) = Pending::<()>::new();
        drop(promise);
        assert!(matches!(pending.wait(), Err(SpoolError::Closed)));
    }
}
