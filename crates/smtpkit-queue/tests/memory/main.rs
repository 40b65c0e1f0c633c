//! How much memory a long queue takes: this measures its own process, so it is one of its own, with a single test.

#[cfg(test)]
#[cfg(target_os = "linux")]
mod bounds;
