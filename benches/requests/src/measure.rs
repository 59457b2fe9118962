//! So many tasks at a time, warmed up, counted and timed.

use rustix::time::{ClockId, clock_gettime};
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long a way runs before it is measured: connections open, caches warm.
const WARM_UP: Duration = Duration::from_millis(300);
/// How many tasks it does before, at least. The client begins with 4 requests at a time and adds one after each
/// round trip at full use: it is at 32 after some 500.
const WARM_UP_TASKS: u64 = 1_000;
/// How long it is then measured.
const MEASURED: Duration = Duration::from_millis(1_000);

/// How fast one way was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    /// Tasks in a second.
    pub(crate) per_second: f64,
    /// Processor time of this process for one task: the provider's is not in it.
    pub(crate) cpu: Duration,
}

/// Does a task again and again, so many at a time, each time with the next number.
///
/// # Errors
/// The first task that fails ends it.
pub(crate) async fn measure<W, F>(concurrency: NonZeroUsize, work: W) -> anyhow::Result<Measured>
where
    W: Fn(u64) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let next = Arc::new(AtomicU64::new(0));
    run(concurrency, work.clone(), Arc::clone(&next), WARM_UP, WARM_UP_TASKS).await?;
    let (begun, cpu_before, before) = (Instant::now(), cpu(), next.load(Ordering::Relaxed));
    run(concurrency, work, Arc::clone(&next), MEASURED, 0).await?;
    let (took, tasks) = (begun.elapsed(), next.load(Ordering::Relaxed) - before);
    let tasks = tasks.max(1) as f64;
    let cpu = cpu().saturating_sub(cpu_before);
    Ok(Measured { per_second: tasks / took.as_secs_f64(), cpu: cpu.div_f64(tasks) })
}

/// Until the time has passed and so many tasks are done. All that were begun are finished.
async fn run<W, F>(
    concurrency: NonZeroUsize,
    work: W,
    next: Arc<AtomicU64>,
    time: Duration,
    tasks: u64,
) -> anyhow::Result<()>
where
    W: Fn(u64) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let begun = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..concurrency.get() {
        let (work, next) = (work.clone(), Arc::clone(&next));
        workers.spawn(async move {
            while begun.elapsed() < time || next.load(Ordering::Relaxed) < tasks {
                work(next.fetch_add(1, Ordering::Relaxed)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    Ok(())
}

/// Processor time of this process until now, over all its threads.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_number_is_used_once_and_no_more_at_a_time_than_asked_for() {
        let (used, here, most) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let counts = Arc::new((used, here, most));
        let work = {
            let counts = Arc::clone(&counts);
            move |_| {
                let counts = Arc::clone(&counts);
                async move {
                    counts.2.fetch_max(counts.1.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_micros(100)).await;
                    counts.1.fetch_sub(1, Ordering::SeqCst);
                    counts.0.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                }
            }
        };
        let next = Arc::new(AtomicU64::new(0));
        let concurrency = NonZeroUsize::new(3).unwrap();
        run(concurrency, work, Arc::clone(&next), Duration::ZERO, 100).await.unwrap();
        assert_eq!(counts.0.load(Ordering::SeqCst), next.load(Ordering::SeqCst));
        assert!(next.load(Ordering::SeqCst) >= 100);
        assert_eq!(counts.2.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_task_that_fails_ends_the_measurement() {
        let measured = measure(NonZeroUsize::MIN, |_| async { anyhow::bail!("no") }).await;
        assert_eq!(measured.unwrap_err().to_string(), "no");
    }
}
