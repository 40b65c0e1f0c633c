//! The relay as a program uses it: real queue, real DNS, real SMTP, all on loopback.
