//! The stub LLM as a program, for demos and benchmarks: `stub_llm [--port N] [--delay-ms N]`. It prints its URL, serves
//! until SIGTERM or SIGINT, and then prints how many requests came and what they cost it.

use std::error::Error;
use std::time::Duration;

use harness::stub::{Reply, StubLlm};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::time::TimeVal;

const USAGE: &str = "usage: stub_llm [--port N] [--delay-ms N]";

fn main() -> Result<(), Box<dyn Error>> {
    let (mut port, mut delay) = (0, Duration::ZERO);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match name.as_str() {
            "--port" => port = value.parse().map_err(|_| USAGE)?,
            "--delay-ms" => delay = Duration::from_millis(value.parse().map_err(|_| USAGE)?),
            _ => return Err(USAGE.into()),
        }
    }

    // Blocked before the stub's thread starts, or the signal would end it instead of reaching `wait`.
    let mut end = SigSet::empty();
    end.add(Signal::SIGTERM);
    end.add(Signal::SIGINT);
    end.thread_block()?;

    let stub = StubLlm::on_port(port);
    stub.keep_requests(false);
    stub.answer_always(Reply::analysis().delay(delay));
    println!("{}", stub.url());
    end.wait()?;

    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    println!("requests {} cpu_seconds {:.3}", stub.count(), seconds(usage.user_time()) + seconds(usage.system_time()));
    Ok(())
}
