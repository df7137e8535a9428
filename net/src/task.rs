//! What a pool's threads do: [`Task`].

use std::io;
use std::time::Duration;

/// A request that a thread carries out.
pub trait Task: Send + 'static {
    /// What the thread gives back.
    type Output: Send + 'static;
    /// What is kept while the thread works, to build the response from.
    type Context;
    /// What the submitter gets, exactly once.
    type Response;

    /// From submission to the end of the request.
    fn timeout(&self) -> Duration;

    fn context(&self) -> Self::Context;

    /// The response to the task. `latency`: how long the thread has worked on it, as far as it is known.
    fn response(context: Self::Context, output: Result<Self::Output, TaskError>, latency: Duration) -> Self::Response;
}

/// Why a thread gave nothing back.
#[derive(Debug)]
pub enum TaskError {
    /// No thread could be started, or too many are abandoned.
    NoThread(io::Error),
    /// The task panicked, which is a bug here; with the panic's message.
    Panic(String),
    /// The thread did not end in time. It was left behind, wherever it hangs.
    Abandoned,
}
