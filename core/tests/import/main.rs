//! A call of each format, made by hand in the shape of its source: every field of the call that it becomes.

mod formats;
mod wrong;
