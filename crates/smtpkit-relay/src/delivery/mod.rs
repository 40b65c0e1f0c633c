//! The deliveries: what is due goes out, grouped by site, a bounded number at a time.
//!
//! ```text
//! spool.due ─► gates ─► one task a site: lease ─► attempt ─► outcome ─► settle ─► spool.commit
//!     ▲                                                                    │
//!     └──────── new mail, the next due time, a task that ended ◄───────────┘
//! ```
//!
//! | file | what |
//! |---|---|
//! | `scheduler` | the loop: who may begin, and when to look again |
//! | `gates` | how much goes to each site |
//! | `worker` | one task: leases of one site, one after the other |
//! | `attempt` | one mail to one site: its hosts in their order |
//! | `remote`, `mailbox` | the two transports |
//! | `secure_hosts` | who has done TLS, and has to do it ever after |
//! | `settle` | from fates to a batch for the queue, report included |
//! | `promised` | that batch on its way to the disk |

mod attempt;
mod gates;
mod mailbox;
mod promised;
mod remote;
mod scheduler;
mod secure_hosts;
mod settle;
mod worker;

pub(crate) use self::gates::Gates;
pub(crate) use self::remote::Remote;
pub(crate) use self::scheduler::run;
pub(crate) use self::settle::day;
