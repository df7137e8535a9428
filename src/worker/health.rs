//! The health of one kind of jobs: [`Health`].

/// Whether a kind of jobs can make progress, for `voice_status()`.
pub enum Health {
    Healthy,
    /// All jobs are done, and something that somebody asked for is not; with the reason.
    Incomplete(String),
    /// Some jobs wait because of limits.
    Throttled,
    /// Some jobs wait because their tenants have spent what they may spend a day.
    OverBudget,
    /// Nothing is requested until the configuration changes; with the reason.
    Misconfigured(String),
    /// The server that is asked fails; with the reason.
    ServerDown(String),
    /// The worker cannot claim or read the jobs; with the error.
    Failing(String),
}
