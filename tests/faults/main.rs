//! Nothing is lost: what the queue and its worker do under every fault we could think of. Each case writes one row of
//! the table in docs/reliability.md. Short by default, `VOICE_FAULTS=long` (`make faults`) with larger numbers.

mod alerts;
mod canary;
mod cells;
mod chaos;
mod copies;
mod ddl;
mod deaths;
mod disk;
mod dumps;
mod fixture;
mod gateway;
mod late;
mod live;
mod logical;
mod months;
mod moving;
mod outage;
mod poisoned;
mod replication;
mod snapshot;
mod standby;
mod storm;
mod upgrade;
mod webhooks;
