//! An order that every session of a server waits for, and that is given once, if ever: to stop, or to end at once.
//!
//! Whoever waits for it is woken many times for something else. To ask each time costs little here, because the waker
//! stays where it is registered as long as it is the same.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Waker};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// One that waits for an order.
pub(crate) struct Order {
    token: CancellationToken,
    given: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Whom `given` wakes.
    waker: Option<Waker>,
}

impl Order {
    pub(crate) fn new(token: CancellationToken) -> Self {
        let given = Box::pin(token.clone().cancelled_owned());
        Self { token, given, waker: None }
    }

    /// Whether the order was given. If not, the task is woken when it is.
    pub(crate) fn poll_given(&mut self, cx: &mut Context<'_>) -> bool {
        // The token is marked before anybody is woken, so whoever is registered and sees no mark will be woken.
        if self.token.is_cancelled() {
            return true;
        }
        if self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return false;
        }
        if self.given.as_mut().poll(cx).is_ready() {
            return true;
        }
        self.waker = Some(cx.waker().clone());
        false
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn whoever_asked_last_is_woken() {
        let (first, last) = (Arc::new(Woken::default()), Arc::new(Woken::default()));
        let token = CancellationToken::new();
        let mut order = Order::new(token.clone());
        for asked in [&first, &first, &last, &last] {
            let waker = Waker::from(Arc::clone(asked));
            assert!(!order.poll_given(&mut Context::from_waker(&waker)));
        }
        token.cancel();
        assert_eq!((first.0.load(Ordering::Relaxed), last.0.load(Ordering::Relaxed)), (0, 1));
        assert!(order.poll_given(&mut Context::from_waker(Waker::noop())));
    }

    #[test]
    fn an_order_that_was_given_before_is_heard() {
        let token = CancellationToken::new();
        token.cancel();
        assert!(Order::new(token).poll_given(&mut Context::from_waker(Waker::noop())));
    }
}
