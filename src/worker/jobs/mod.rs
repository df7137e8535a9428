//! The kinds of jobs, one file each.

mod analyze;
mod deliver;

pub use analyze::BUILTIN_BATCH;

use super::pipeline::Pipeline;
use super::runner::JobRunner;
use voice_net::Waker;

/// A runner for each kind, in the order in which jobs are claimed. `waker` is woken for every response.
pub fn all(waker: &Waker) -> Vec<Box<dyn JobRunner>> {
    vec![Box::new(Pipeline::new(analyze::Analyze::new(waker))), Box::new(Pipeline::new(deliver::Deliver::new(waker)))]
}
