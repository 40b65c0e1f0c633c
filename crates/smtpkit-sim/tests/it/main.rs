//! Whole worlds: that their promises are kept, and that a seed repeats itself.

#[cfg(test)]
mod worlds;
