//! Behaviour of smtpkit-mime as its users see it.

#[cfg(test)]
mod build;
#[cfg(test)]
mod canonical;
#[cfg(test)]
mod codecs;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod downgrade;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod push;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod structure;
#[cfg(test)]
mod vectors;
