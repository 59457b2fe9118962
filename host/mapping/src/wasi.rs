//! A WASI that grants nothing, for guests whose toolchain imports it.
//!
//! JavaScript and Python bring a runtime of their own, which wants clocks, random numbers and somewhere to
//! print to. What they get is made here and reaches nothing outside the call. The clock on the wall stands
//! at the context's `now`. Random numbers follow from the record and from `now`. What is printed becomes log
//! lines. There are no files, no environment, no arguments, no input and no network. So such a module is as
//! pure a function as any other: the same record at the same `now` gives the same result on every machine.
//!
//! Nothing here waits. A guest that sleeps finds that the time has passed: its monotonic clock moves on to
//! the moment it waited for. So nothing needs an async runtime either, and a module may be called on any
//! thread. wasmtime-wasi's own implementation is linked only for what takes a file or a socket, and a guest
//! never has one to pass.

mod console;
mod random;

use crate::call::{Call, Stop};
use crate::contract::InterfaceName;
use random::Generator;
use sha2::{Digest as _, Sha256};
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random as wasi_random, sockets, sync};
use wasmtime_wasi::p2::{DynPollable, SocketError};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsCtx, WasiSocketsCtxView};

/// The interfaces that a module may import besides the contract's, by package. Each in any version 0.2.
const INTERFACES: [(&str, &[&str]); 6] = [
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"]),
    ("wasi:filesystem", &["types", "preopens"]),
    ("wasi:io", &["error", "poll", "streams"]),
    ("wasi:random", &["random", "insecure", "insecure-seed"]),
    (
        "wasi:sockets",
        &[
            "instance-network",
            "ip-name-lookup",
            "network",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
        ],
    ),
];

/// The most streams and pollables that an instance may hold at once. Language runtimes hold a handful.
const MAX_HANDLES: usize = 1024;

/// Nanoseconds between two moments that a guest can tell apart.
const RESOLUTION: u64 = 1_000_000;

/// Whether an import is one of those that are answered here.
pub(crate) fn is_stubbed(import: &str) -> bool {
    let name = InterfaceName::parse(import);
    let known = INTERFACES
        .iter()
        .any(|(package, interfaces)| *package == name.package && interfaces.contains(&name.interface));
    known && name.version.is_some_and(|version| version.starts_with("0.2."))
}

/// Everything of a call that its WASI may tell: the moment, and what random numbers follow from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    now: jiff::Timestamp,
    seed: [u8; 32],
}

impl Moment {
    /// The moment of a call for a record. A `now` that is no moment counts as the start of 1970.
    pub(crate) fn of_record(source: &str, key: &str, now: &str) -> Self {
        Self {
            now: now.parse().unwrap_or(jiff::Timestamp::UNIX_EPOCH),
            seed: seed(&["record", source, key, now]),
        }
    }

    /// The moment at which every module describes itself.
    pub(crate) fn of_describing() -> Self {
        Self { now: jiff::Timestamp::UNIX_EPOCH, seed: seed(&["describe"]) }
    }
}

/// Each part with its length, so that no two lists of parts run into the same bytes.
fn seed(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix("scimwright random numbers 1");
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// What a guest of such a toolchain may use.
pub(crate) struct Wasi {
    now: jiff::Timestamp,
    random: Generator,
    /// Nanoseconds that the guest believes to have waited.
    waited: u64,
    /// What each pollable waits for; `None` where the place is free.
    pollables: Vec<Option<Pollable>>,
    console: console::Console,
    /// Streams that the guest holds.
    streams: usize,
    files: WasiFilesystemCtx,
    sockets: WasiSocketsCtx,
    /// Files and sockets, if there were any.
    table: ResourceTable,
}

/// What a pollable waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pollable {
    /// A stream, which is always ready.
    Stream,
    /// The moment at which the monotonic clock shows this.
    Clock(u64),
}

impl Wasi {
    /// A WASI for a call at this moment.
    pub(crate) fn new(moment: &Moment) -> Self {
        Self {
            now: moment.now,
            random: Generator::new(moment.seed),
            waited: 0,
            pollables: Vec::new(),
            console: console::Console::default(),
            streams: 0,
            files: WasiFilesystemCtx::default(),
            sockets: WasiSocketsCtx::default(),
            table: ResourceTable::new(),
        }
    }

    /// Makes it that of the instance's next record. What the guest holds it goes on holding.
    pub(crate) fn renew(&mut self, fresh: &Self) {
        self.now = fresh.now;
        self.random = fresh.random.clone();
        self.waited = 0;
        self.console = console::Console::default();
    }

    fn pollable(&mut self, pollable: Pollable) -> Result<Resource<DynPollable>, Stop> {
        let free = self.pollables.iter().position(Option::is_none);
        let at = match free {
            Some(at) => at,
            None if self.pollables.len() < MAX_HANDLES => {
                self.pollables.push(None);
                self.pollables.len() - 1
            }
            None => return Err(Stop::Handles),
        };
        self.pollables[at] = Some(pollable);
        Ok(Resource::new_own(at as u32))
    }

    /// When it is ready, on the monotonic clock.
    fn ready_at(&self, pollable: &Resource<DynPollable>) -> u64 {
        match self.pollables.get(pollable.rep() as usize) {
            Some(Some(Pollable::Clock(at))) => *at,
            _ => 0,
        }
    }

    /// A handle to a stream or to the network was given back.
    fn let_go(&mut self) {
        self.streams = self.streams.saturating_sub(1);
    }

    /// A handle to a stream.
    fn stream<T: 'static>(&mut self, number: u32) -> Result<Resource<T>, Stop> {
        if self.streams >= MAX_HANDLES {
            return Err(Stop::Handles);
        }
        self.streams += 1;
        Ok(Resource::new_own(number))
    }
}

impl Call {
    fn files(&mut self) -> WasiFilesystemCtxView<'_> {
        let wasi = self.wasi();
        WasiFilesystemCtxView { ctx: &mut wasi.files, table: &mut wasi.table }
    }

    fn sockets(&mut self) -> WasiSocketsCtxView<'_> {
        let wasi = self.wasi();
        WasiSocketsCtxView { ctx: &mut wasi.sockets, table: &mut wasi.table }
    }
}

/// Adds all of it to a linker.
pub(crate) fn add_to_linker(linker: &mut Linker<Call>) -> wasmtime::Result<()> {
    type Own = HasSelf<Call>;
    let l = linker;
    cli::environment::add_to_linker::<_, Own>(l, |call| call)?;
    cli::exit::add_to_linker::<_, Own>(l, |call| call)?;
    cli::stdin::add_to_linker::<_, Own>(l, |call| call)?;
    cli::stdout::add_to_linker::<_, Own>(l, |call| call)?;
    cli::stderr::add_to_linker::<_, Own>(l, |call| call)?;
    cli::terminal_input::add_to_linker::<_, Own>(l, |call| call)?;
    cli::terminal_output::add_to_linker::<_, Own>(l, |call| call)?;
    cli::terminal_stdin::add_to_linker::<_, Own>(l, |call| call)?;
    cli::terminal_stdout::add_to_linker::<_, Own>(l, |call| call)?;
    cli::terminal_stderr::add_to_linker::<_, Own>(l, |call| call)?;
    clocks::monotonic_clock::add_to_linker::<_, Own>(l, |call| call)?;
    clocks::wall_clock::add_to_linker::<_, Own>(l, |call| call)?;
    sync::io::error::add_to_linker::<_, Own>(l, |call| call)?;
    sync::io::poll::add_to_linker::<_, Own>(l, |call| call)?;
    sync::io::streams::add_to_linker::<_, Own>(l, |call| call)?;
    wasi_random::random::add_to_linker::<_, Own>(l, |call| call)?;
    wasi_random::insecure::add_to_linker::<_, Own>(l, |call| call)?;
    wasi_random::insecure_seed::add_to_linker::<_, Own>(l, |call| call)?;
    filesystem::preopens::add_to_linker::<_, Own>(l, |call| call)?;
    sockets::instance_network::add_to_linker::<_, Own>(l, |call| call)?;
    sockets::ip_name_lookup::add_to_linker::<_, Own>(l, |call| call)?;
    sockets::network::add_to_linker::<_, Own>(l, &Default::default(), |call| call)?;
    sockets::tcp_create_socket::add_to_linker::<_, Own>(l, |call| call)?;
    sync::sockets::udp_create_socket::add_to_linker::<_, Own>(l, |call| call)?;
    // These take a file or a socket, which nothing above ever hands out.
    sync::filesystem::types::add_to_linker::<_, WasiFilesystem>(l, Call::files)?;
    sync::sockets::tcp::add_to_linker::<_, WasiSockets>(l, Call::sockets)?;
    sync::sockets::udp::add_to_linker::<_, WasiSockets>(l, Call::sockets)?;
    Ok(())
}

impl cli::environment::Host for Call {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl cli::exit::Host for Call {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        Err(Stop::Exit { code: u8::from(status.is_err()) }.into())
    }

    fn exit_with_code(&mut self, code: u8) -> wasmtime::Result<()> {
        Err(Stop::Exit { code }.into())
    }
}

impl clocks::wall_clock::Host for Call {
    fn now(&mut self) -> wasmtime::Result<clocks::wall_clock::Datetime> {
        let now = self.wasi().now;
        // WASI cannot say what lies before 1970.
        Ok(clocks::wall_clock::Datetime {
            seconds: u64::try_from(now.as_second()).unwrap_or(0),
            nanoseconds: u32::try_from(now.subsec_nanosecond()).unwrap_or(0),
        })
    }

    fn resolution(&mut self) -> wasmtime::Result<clocks::wall_clock::Datetime> {
        Ok(clocks::wall_clock::Datetime { seconds: 0, nanoseconds: RESOLUTION as u32 })
    }
}

impl clocks::monotonic_clock::Host for Call {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.wasi().waited)
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(RESOLUTION)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        Ok(self.wasi().pollable(Pollable::Clock(when))?)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let wasi = self.wasi();
        Ok(wasi.pollable(Pollable::Clock(wasi.waited.saturating_add(duration)))?)
    }
}

impl sync::io::poll::Host for Call {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        let wasi = self.wasi();
        let times: Vec<_> = pollables.iter().map(|pollable| wasi.ready_at(pollable)).collect();
        let Some(first) = times.iter().min() else { wasmtime::bail!("it waits for nothing") };
        wasi.waited = wasi.waited.max(*first);
        let ready = (0..).zip(&times).filter(|(_, at)| **at <= wasi.waited);
        Ok(ready.map(|(index, _)| index).collect())
    }
}

impl sync::io::poll::HostPollable for Call {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        let wasi = self.wasi();
        Ok(wasi.ready_at(&pollable) <= wasi.waited)
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        let wasi = self.wasi();
        wasi.waited = wasi.waited.max(wasi.ready_at(&pollable));
        Ok(())
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        if let Some(place) = self.wasi().pollables.get_mut(pollable.rep() as usize) {
            *place = None;
        }
        Ok(())
    }
}

impl filesystem::preopens::Host for Call {
    fn get_directories(
        &mut self,
    ) -> wasmtime::Result<Vec<(Resource<wasmtime_wasi::filesystem::Descriptor>, String)>> {
        Ok(Vec::new())
    }
}

/// What a guest is told that wants a socket.
fn no_network<T>() -> Result<T, SocketError> {
    Err(sockets::network::ErrorCode::AccessDenied.into())
}

impl sockets::network::Host for Call {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<sockets::network::ErrorCode> {
        error.downcast()
    }

    fn network_error_code(
        &mut self,
        _error: Resource<wasmtime_wasi::p2::IoError>,
    ) -> wasmtime::Result<Option<sockets::network::ErrorCode>> {
        Ok(None)
    }
}

impl sockets::network::HostNetwork for Call {
    fn drop(&mut self, _network: Resource<wasmtime_wasi::p2::Network>) -> wasmtime::Result<()> {
        self.wasi().let_go();
        Ok(())
    }
}

impl sockets::instance_network::Host for Call {
    fn instance_network(&mut self) -> wasmtime::Result<Resource<wasmtime_wasi::p2::Network>> {
        Ok(self.wasi().stream(0)?)
    }
}

impl sockets::ip_name_lookup::Host for Call {
    fn resolve_addresses(
        &mut self,
        _network: Resource<wasmtime_wasi::p2::Network>,
        _name: String,
    ) -> Result<Resource<sockets::ip_name_lookup::ResolveAddressStream>, SocketError> {
        no_network()
    }
}

impl sockets::ip_name_lookup::HostResolveAddressStream for Call {
    fn resolve_next_address(
        &mut self,
        _stream: Resource<sockets::ip_name_lookup::ResolveAddressStream>,
    ) -> Result<Option<sockets::network::IpAddress>, SocketError> {
        no_network()
    }

    fn subscribe(
        &mut self,
        _stream: Resource<sockets::ip_name_lookup::ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        Ok(self.wasi().pollable(Pollable::Stream)?)
    }

    fn drop(
        &mut self,
        _stream: Resource<sockets::ip_name_lookup::ResolveAddressStream>,
    ) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl sockets::tcp_create_socket::Host for Call {
    fn create_tcp_socket(
        &mut self,
        _family: sockets::network::IpAddressFamily,
    ) -> Result<Resource<wasmtime_wasi::p2::TcpSocket>, SocketError> {
        no_network()
    }
}

impl sync::sockets::udp_create_socket::Host for Call {
    fn create_udp_socket(
        &mut self,
        _family: sockets::network::IpAddressFamily,
    ) -> Result<Resource<wasmtime_wasi::p2::UdpSocket>, SocketError> {
        no_network()
    }
}
