//! What all modules of a process share: wasmtime's engine, the pool of instances, the clock, the cache.
//!
//! The engine is set up for one thing: a fresh instance for every record at the price of a function call.
//! Memories and tables come from a pool that was mapped once. A new instance's memory is the module's
//! image, mapped copy-on-write, and giving one back resets only the pages that were written. Calls are
//! synchronous, so that none pays for a stack of its own.
//!
//! The pool reserves address space, not memory: about 8 GiB for each instance, which 64-bit machines have
//! plenty of (47 bits of it) and which counts neither as memory used nor against overcommitment. A machine
//! that limits address space (`ulimit -v`) needs a smaller [`HostOptions::max_instances`].

use crate::cache::Cache;
use crate::call::Call;
use crate::contract::{log, lookup};
use crate::grants::Grants;
use crate::inspection::Inspection;
use crate::instances::Instances;
use crate::limits::Limits;
use crate::load::{self, LoadError};
use crate::module::{MappingModule, ModuleId};
use crate::ticker::Ticker;
use crate::wasi;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails,
};

/// Memories that one module may have. Each is a slot of its own in the pool.
const MEMORIES_PER_MODULE: u32 = 2;
/// Tables that one module may have.
const TABLES_PER_MODULE: u32 = 8;
/// Core modules inside one component: the author's, and those that tools add around it.
const CORE_INSTANCES_PER_MODULE: u32 = 16;
/// Elements of one table. Large Python and JavaScript runtimes have some ten thousand functions.
const TABLE_ELEMENTS: usize = 100_000;
/// Memory that stays mapped in a pool slot between two records, where the kernel can say which pages were
/// written (Linux 6.7 and later): resetting those in place is cheaper than unmapping them.
const KEEP_RESIDENT: usize = 2 << 20;
/// The same where the kernel cannot: the first bytes are then reset whether written or not.
const KEEP_RESIDENT_BLINDLY: usize = 32 << 10;

/// How to set up a [`MappingHost`].
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// The folder for compiled code. `None`: every start compiles every module anew.
    pub cache_dir: Option<PathBuf>,
    /// How many instances may exist at once: 64. More calls than that wait for their turn.
    pub max_instances: u32,
    /// How many of them one tenant may have at once: 32.
    pub max_instances_per_tenant: u32,
    /// The longest that a call waits for its turn: a minute. Calls end within seconds, so whoever waits longer is
    /// behind a crowd that waiting only makes larger.
    pub max_wait: Duration,
    /// The most that [`Limits::memory_bytes`] may say for any module: 1 GiB.
    pub max_memory_bytes: usize,
    /// Whether instructions are counted ([`Usage::fuel`](crate::Usage::fuel)), which slows modules down.
    pub count_fuel: bool,
}

impl Default for HostOptions {
    fn default() -> Self {
        Self {
            cache_dir: None,
            max_instances: 64,
            max_instances_per_tenant: 32,
            max_wait: Duration::from_secs(60),
            max_memory_bytes: 1 << 30,
            count_fuel: false,
        }
    }
}

/// A host that could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// No instance may exist, so no module could ever run.
    #[error("the number of instances at once is 0; at least 1 is needed")]
    NoInstances,
    /// wasmtime refused: most often the address space for the pool is not to be had.
    #[error(
        "cannot set up WebAssembly with a pool of {max_instances} instances: {message}; where address space \
         is limited (`ulimit -v`), fewer instances may do"
    )]
    Engine {
        /// The number of instances asked for.
        max_instances: u32,
        /// What wasmtime said.
        message: String,
    },
    /// The thread that measures time could not be started.
    #[error("cannot start the thread that stops modules at their time limit: {0}")]
    Ticker(std::io::Error),
}

/// Loads modules, and holds what they share. Cheap to clone; the modules it loaded keep what they need.
#[derive(Debug, Clone)]
pub struct MappingHost {
    pub(crate) shared: Arc<Shared>,
}

/// What modules share.
pub(crate) struct Shared {
    // Fields are dropped in this order: the clock stops before the engine it ticks for goes.
    pub(crate) ticker: Ticker,
    pub(crate) instances: Instances,
    /// For modules that import nothing but the contract.
    pub(crate) linker: Linker<Call>,
    /// For modules whose toolchain imports WASI.
    pub(crate) linker_with_wasi: Linker<Call>,
    pub(crate) engine: Engine,
    pub(crate) cache: Option<Cache>,
    pub(crate) options: HostOptions,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}

impl MappingHost {
    /// Sets up wasmtime, reserves the pool and starts the clock.
    ///
    /// # Errors
    /// [`HostError`] when the machine does not give what is needed.
    pub fn new(options: HostOptions) -> Result<Self, HostError> {
        if options.max_instances == 0 {
            return Err(HostError::NoInstances);
        }
        let refused = |error: wasmtime::Error| HostError::Engine {
            max_instances: options.max_instances,
            message: format!("{error:#}"),
        };
        let engine = Engine::new(&config(&options)).map_err(refused)?;
        let mut linker = Linker::<Call>::new(&engine);
        log::add_to_linker::<_, HasSelf<_>>(&mut linker, |call| call).map_err(refused)?;
        lookup::add_to_linker::<_, HasSelf<_>>(&mut linker, |call| call).map_err(refused)?;
        let mut linker_with_wasi = linker.clone();
        wasi::add_to_linker(&mut linker_with_wasi).map_err(refused)?;
        let shared = Shared {
            ticker: Ticker::start(&engine).map_err(HostError::Ticker)?,
            instances: Instances::new(
                options.max_instances,
                options.max_instances_per_tenant,
                options.max_wait,
            ),
            linker,
            linker_with_wasi,
            cache: options.cache_dir.clone().map(Cache::new),
            engine,
            options,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Loads a module from a file: a component in binary or text form.
    ///
    /// The file is read once and checked before it is compiled; then the module describes itself, under
    /// `limits`, and its manifest is checked against `settings` and `grants`.
    ///
    /// # Errors
    /// [`LoadError`] names the module, what is wrong and what to do about it.
    pub fn load(
        &self,
        id: ModuleId,
        path: &Path,
        limits: Limits,
        settings: Vec<(String, String)>,
        grants: Grants,
    ) -> Result<MappingModule, LoadError> {
        load::from_file(&self.shared, id, path, limits, settings, grants)
    }

    /// Looks at a module without loading it for use: whatever settings and grants it wants, nothing of it is
    /// run but `describe`.
    ///
    /// # Errors
    /// [`LoadError`], as for [`load`](Self::load).
    pub fn inspect(&self, id: ModuleId, path: &Path, limits: Limits) -> Result<Inspection, LoadError> {
        load::inspect_file(&self.shared, id, path, limits)
    }

    /// Loads a module for its author's tools, which run cases against it: everything that it declares is granted,
    /// and answered from the cases alone; [`MappingModule::with_settings`] gives it settings.
    ///
    /// # Errors
    /// [`LoadError`], as for [`load`](Self::load).
    pub fn load_for_cases(
        &self,
        id: ModuleId,
        path: &Path,
        limits: Limits,
    ) -> Result<MappingModule, LoadError> {
        load::for_author(&self.shared, id, path, limits)
    }

    /// [`load`](Self::load) for bytes that were read already.
    ///
    /// # Errors
    /// [`LoadError`] names the module, what is wrong and what to do about it.
    pub fn load_bytes(
        &self,
        id: ModuleId,
        bytes: &[u8],
        limits: Limits,
        settings: Vec<(String, String)>,
        grants: Grants,
    ) -> Result<MappingModule, LoadError> {
        load::from_bytes(&self.shared, id, bytes, limits, settings, grants)
    }
}

fn config(options: &HostOptions) -> Config {
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(options)))
        .epoch_interruption(true)
        .consume_fuel(options.count_fuel)
        .concurrency_support(false)
        .memory_init_cow(true)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        // A mapping is a pure function: the same input gives the same output on every machine.
        .relaxed_simd_deterministic(true)
        .cranelift_nan_canonicalization(true);
    config
}

fn pool(options: &HostOptions) -> PoolingAllocationConfig {
    let instances = options.max_instances;
    let keep_resident = if PoolingAllocationConfig::is_pagemap_scan_available() {
        KEEP_RESIDENT
    } else {
        KEEP_RESIDENT_BLINDLY
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_MODULE))
        .total_memories(instances.saturating_mul(MEMORIES_PER_MODULE))
        .total_tables(instances.saturating_mul(TABLES_PER_MODULE))
        .max_core_instances_per_component(CORE_INSTANCES_PER_MODULE)
        .max_memories_per_component(MEMORIES_PER_MODULE)
        .max_memories_per_module(MEMORIES_PER_MODULE)
        .max_tables_per_component(TABLES_PER_MODULE)
        .max_tables_per_module(TABLES_PER_MODULE)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(options.max_memory_bytes)
        .linear_memory_keep_resident(keep_resident)
        .table_keep_resident(keep_resident)
        .max_unused_warm_slots(instances)
        .pagemap_scan(Enabled::Auto);
    pool
}
