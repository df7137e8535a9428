//! The kinds of jobs, one file each.

mod analyze;
mod deliver;

pub use analyze::BUILTIN_BATCH;

use super::pipeline::Pipeline;
use super::runner::JobRunner;
use std::io;

/// A runner for each kind, in the order in which jobs are claimed and responses are collected.
///
/// # Errors
/// The pipe through which threads wake the worker cannot be made.
pub fn all() -> io::Result<Vec<Box<dyn JobRunner>>> {
    let analyze = analyze::Analyze::new()?;
    // Both pools wake the worker through one pipe, which the first one clears; so its responses are collected first.
    let deliver = deliver::Deliver::new(analyze.pool());
    Ok(vec![Box::new(Pipeline::new(analyze)), Box::new(Pipeline::new(deliver))])
}
