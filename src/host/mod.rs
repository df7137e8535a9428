//! Being code inside a server: a process of Postgres, the shared memory between processes, the call of a function or a
//! trigger, the end of a transaction. Knows neither the queue nor what the worker does with it.

pub mod clock;
pub mod function;
pub mod leaf;
pub mod lock;
pub mod pin;
pub mod privilege;
pub mod probe;
pub mod process;
pub mod shmem;
pub mod trigger;
pub mod usage;
pub mod user;
pub mod wake;
