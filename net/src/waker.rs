//! How threads wake the loop that waits for their results: a pipe, and whether a byte is in it.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// Wakes one loop. All pools of the loop share one: clones are the same waker. The loop sleeps on [`Waker::fd`], then
/// calls [`Waker::clear`], then collects from every pool. In this order no result is left without a byte in the pipe.
#[derive(Clone)]
pub struct Waker(Arc<Shared>);

struct Shared {
    reader: PipeReader,
    writer: Mutex<Writer>,
}

struct Writer {
    pipe: PipeWriter,
    /// A byte is in the pipe: one is enough for any number of results.
    signalled: bool,
}

impl Waker {
    /// # Errors
    /// The pipe cannot be made.
    pub fn new() -> io::Result<Waker> {
        let (reader, pipe) = io::pipe()?;
        set_nonblocking(reader.as_fd())?;
        set_nonblocking(pipe.as_fd())?;
        Ok(Waker(Arc::new(Shared { reader, writer: Mutex::new(Writer { pipe, signalled: false }) })))
    }

    /// Readable from [`Waker::wake`] until [`Waker::clear`].
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.reader.as_fd()
    }

    /// Makes the descriptor readable. Call it after the result can be collected.
    pub fn wake(&self) {
        let mut writer = self.writer();
        if !writer.signalled {
            // The pipe is empty, so the write cannot block.
            writer.signalled = writer.pipe.write(&[1]).is_ok();
        }
    }

    /// Makes the descriptor unreadable. Call it before results are collected: what is done afterwards wakes again.
    pub fn clear(&self) {
        let mut writer = self.writer();
        if writer.signalled {
            let _ = (&self.0.reader).read(&mut [0; 16]);
            writer.signalled = false;
        }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.0.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}
