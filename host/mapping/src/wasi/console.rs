//! What a guest prints, as log lines: standard output line by line, standard error in one piece.
//!
//! A traceback comes by standard error in many small writes and belongs together, so it is kept until
//! something else is said or the call ends. It is also what a crashed runtime leaves behind.

use super::Pollable;
use crate::call::{Call, LogLevel};
use crate::text::MAX_MESSAGE_BYTES;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::{cli, sync};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, IoError, StreamError, StreamResult};

/// How much may be written at a time.
const PERMIT: usize = 4096;

/// The number of each stream's handle.
const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;

/// What was printed and not yet said.
#[derive(Debug, Default)]
pub(super) struct Console {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Call {
    fn print(&mut self, stream: &Resource<DynOutputStream>, bytes: &[u8]) {
        if stream.rep() == STDERR {
            self.wasi().console.err.extend_from_slice(bytes);
            while self.wasi().console.err.len() > MAX_MESSAGE_BYTES {
                let rest = self.wasi().console.err.split_off(MAX_MESSAGE_BYTES);
                self.say_printed_error();
                self.wasi().console.err = rest;
            }
            return;
        }
        for byte in bytes {
            let out = &mut self.wasi().console.out;
            if *byte != b'\n' {
                out.push(*byte);
            }
            if *byte == b'\n' || out.len() >= MAX_MESSAGE_BYTES {
                self.say_printed_line();
            }
        }
    }

    fn say_printed_line(&mut self) {
        let line = std::mem::take(&mut self.wasi().console.out);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if !line.is_empty() {
            self.say(LogLevel::Info, line, &[], false);
        }
    }

    fn say_printed_error(&mut self) {
        let text = std::mem::take(&mut self.wasi().console.err);
        let text = String::from_utf8_lossy(&text);
        let text = text.trim_end();
        if !text.is_empty() {
            self.say(LogLevel::Warn, text, &[], true);
        }
    }

    /// Says what was printed so far: something else is about to be said, or nothing will be.
    pub(crate) fn flush_printed(&mut self) {
        let Some(wasi) = self.wasi_if_used() else { return };
        let (out, err) = (!wasi.console.out.is_empty(), !wasi.console.err.is_empty());
        if out {
            self.say_printed_line();
        }
        if err {
            self.say_printed_error();
        }
    }
}

impl cli::stdin::Host for Call {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        Ok(self.wasi().stream(STDIN)?)
    }
}

impl cli::stdout::Host for Call {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        Ok(self.wasi().stream(STDOUT)?)
    }
}

impl cli::stderr::Host for Call {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        Ok(self.wasi().stream(STDERR)?)
    }
}

impl cli::terminal_input::Host for Call {}
impl cli::terminal_output::Host for Call {}

impl cli::terminal_input::HostTerminalInput for Call {
    fn drop(&mut self, _terminal: Resource<cli::terminal_input::TerminalInput>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl cli::terminal_output::HostTerminalOutput for Call {
    fn drop(&mut self, _terminal: Resource<cli::terminal_output::TerminalOutput>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl cli::terminal_stdin::Host for Call {
    fn get_terminal_stdin(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<cli::terminal_input::TerminalInput>>> {
        Ok(None)
    }
}

impl cli::terminal_stdout::Host for Call {
    fn get_terminal_stdout(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<cli::terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}

impl cli::terminal_stderr::Host for Call {
    fn get_terminal_stderr(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<cli::terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}

impl sync::io::error::Host for Call {}

impl sync::io::error::HostError for Call {
    fn to_debug_string(&mut self, _error: Resource<IoError>) -> wasmtime::Result<String> {
        Ok(String::new())
    }

    fn drop(&mut self, _error: Resource<IoError>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl sync::io::streams::Host for Call {
    fn convert_stream_error(
        &mut self,
        error: StreamError,
    ) -> wasmtime::Result<sync::io::streams::StreamError> {
        match error {
            StreamError::Trap(error) => Err(error),
            // Nothing here fails in a way that has a story to tell.
            StreamError::Closed | StreamError::LastOperationFailed(_) => {
                Ok(sync::io::streams::StreamError::Closed)
            }
        }
    }
}

impl sync::io::streams::HostInputStream for Call {
    fn read(&mut self, _stream: Resource<DynInputStream>, _len: u64) -> StreamResult<Vec<u8>> {
        Err(StreamError::Closed)
    }

    fn blocking_read(&mut self, _stream: Resource<DynInputStream>, _len: u64) -> StreamResult<Vec<u8>> {
        Err(StreamError::Closed)
    }

    fn skip(&mut self, _stream: Resource<DynInputStream>, _len: u64) -> StreamResult<u64> {
        Err(StreamError::Closed)
    }

    fn blocking_skip(&mut self, _stream: Resource<DynInputStream>, _len: u64) -> StreamResult<u64> {
        Err(StreamError::Closed)
    }

    fn subscribe(&mut self, _stream: Resource<DynInputStream>) -> wasmtime::Result<Resource<DynPollable>> {
        Ok(self.wasi().pollable(Pollable::Stream)?)
    }

    fn drop(&mut self, _stream: Resource<DynInputStream>) -> wasmtime::Result<()> {
        self.wasi().let_go();
        Ok(())
    }
}

impl sync::io::streams::HostOutputStream for Call {
    fn check_write(&mut self, _stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        Ok(PERMIT as u64)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, contents: Vec<u8>) -> StreamResult<()> {
        self.print(&stream, &contents);
        Ok(())
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        contents: Vec<u8>,
    ) -> StreamResult<()> {
        self.print(&stream, &contents);
        Ok(())
    }

    fn flush(&mut self, _stream: Resource<DynOutputStream>) -> StreamResult<()> {
        Ok(())
    }

    fn blocking_flush(&mut self, _stream: Resource<DynOutputStream>) -> StreamResult<()> {
        Ok(())
    }

    fn subscribe(&mut self, _stream: Resource<DynOutputStream>) -> wasmtime::Result<Resource<DynPollable>> {
        Ok(self.wasi().pollable(Pollable::Stream)?)
    }

    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, len: u64) -> StreamResult<()> {
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(PERMIT);
        self.print(&stream, &[0; PERMIT][..len]);
        Ok(())
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        len: u64,
    ) -> StreamResult<()> {
        self.write_zeroes(stream, len)
    }

    fn splice(
        &mut self,
        _stream: Resource<DynOutputStream>,
        _from: Resource<DynInputStream>,
        _len: u64,
    ) -> StreamResult<u64> {
        Err(StreamError::Closed)
    }

    fn blocking_splice(
        &mut self,
        _stream: Resource<DynOutputStream>,
        _from: Resource<DynInputStream>,
        _len: u64,
    ) -> StreamResult<u64> {
        Err(StreamError::Closed)
    }

    fn drop(&mut self, _stream: Resource<DynOutputStream>) -> wasmtime::Result<()> {
        self.wasi().let_go();
        Ok(())
    }
}
