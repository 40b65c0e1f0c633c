//! The public behaviour of smtpkit-queue.
