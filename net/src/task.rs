//! What a pool does: [`Task`].

use std::io;
use std::time::Duration;

/// A request.
pub trait Task: Send + 'static {
    /// What carrying it out gives.
    type Output: Send + 'static;
    /// What is kept meanwhile, to build the response from.
    type Context;
    /// What the submitter gets, exactly once.
    type Response;

    /// From submission to the end of the request.
    fn timeout(&self) -> Duration;

    fn context(&self) -> Self::Context;

    /// The response to the task. `latency`: how long it ran, as far as it is known.
    fn response(context: Self::Context, output: Result<Self::Output, TaskError>, latency: Duration) -> Self::Response;
}

/// Why a task gave nothing back.
#[derive(Debug)]
pub enum TaskError {
    /// No thread could be started.
    NoThread(io::Error),
    /// The task panicked, which is a bug here; with the panic's message.
    Panic(String),
    /// It did not end in time, not even by its own time-outs.
    Abandoned,
}
