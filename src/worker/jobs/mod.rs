//! The kinds of jobs, one file each.

mod analyze;
mod answers;
mod deliver;
mod live;
mod look_questions;
mod questions;
mod requests;
mod trial;

pub use analyze::BUILTIN_BATCH;

use super::model_client::{ModelClient, SharedModel};
use super::pipeline::Pipeline;
use super::runner::JobRunner;
use std::cell::RefCell;
use std::rc::Rc;
use voice_net::Waker;

/// A runner for each kind, in the order in which jobs are claimed. `waker` is woken for every response.
pub fn all(waker: &Waker) -> Vec<Box<dyn JobRunner>> {
    let model: SharedModel = Rc::new(RefCell::new(ModelClient::new(waker)));
    vec![
        Box::new(Pipeline::new(analyze::Analyze::new(model.clone()))),
        Box::new(Pipeline::new(deliver::Deliver::new(waker))),
        Box::new(Pipeline::new(trial::Trial::new(model.clone()))),
        // After the analyses: a look takes no slot that one of these waits for.
        Box::new(Pipeline::new(live::Live::new(model))),
    ]
}
