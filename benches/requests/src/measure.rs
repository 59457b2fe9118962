//! So many tasks at a time, warmed up, counted and timed; several ways of one task in turns.
//!
//! The turns are short, so that what else the machine does in the meantime hits all ways alike.

use futures::future::BoxFuture;
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
/// How long a turn is.
const TURN: Duration = Duration::from_millis(100);
/// How many turns each way gets.
const TURNS: usize = 10;

/// How fast one way was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    /// Tasks in a second.
    pub(crate) per_second: f64,
    /// Processor time of this process for one task: the provider's is not in it.
    pub(crate) cpu: Duration,
}

/// One way of doing a task, which can be let run for a while again and again.
pub(crate) struct Runner {
    next: Arc<AtomicU64>,
    run: Box<dyn Fn(Duration, u64) -> BoxFuture<'static, anyhow::Result<()>>>,
    tasks: u64,
    took: Duration,
    cpu: Duration,
}

impl Runner {
    /// Does this work so many times at a time, each time with another number.
    pub(crate) fn new<W, F>(concurrency: NonZeroUsize, work: W) -> Self
    where
        W: Fn(u64) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let next = Arc::new(AtomicU64::new(0));
        let run = {
            let next = Arc::clone(&next);
            move |time, tasks| -> BoxFuture<'static, anyhow::Result<()>> {
                Box::pin(run(concurrency, work.clone(), Arc::clone(&next), time, tasks))
            }
        };
        Self { next, run: Box::new(run), tasks: 0, took: Duration::ZERO, cpu: Duration::ZERO }
    }

    async fn turn(&mut self) -> anyhow::Result<()> {
        let (begun, cpu_before, before) = (Instant::now(), cpu(), self.next.load(Ordering::Relaxed));
        (self.run)(TURN, 0).await?;
        self.took += begun.elapsed();
        self.cpu += cpu().saturating_sub(cpu_before);
        self.tasks += self.next.load(Ordering::Relaxed) - before;
        Ok(())
    }

    fn measured(&self) -> Measured {
        let tasks = self.tasks.max(1) as f64;
        Measured { per_second: tasks / self.took.as_secs_f64(), cpu: self.cpu.div_f64(tasks) }
    }
}

/// Lets all ways of one task run in turns, and says how fast each was, in their order.
///
/// # Errors
/// The first task that fails ends it.
pub(crate) async fn compare(mut ways: Vec<Runner>) -> anyhow::Result<Vec<Measured>> {
    for way in &ways {
        (way.run)(WARM_UP, WARM_UP_TASKS).await?;
    }
    for turn in 0..TURNS {
        let count = ways.len();
        for index in 0..count {
            // To and fro, so that none always follows the same.
            let index = if turn % 2 == 0 { index } else { count - 1 - index };
            ways[index].turn().await?;
        }
    }
    Ok(ways.iter().map(Runner::measured).collect())
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
        let fails = Runner::new(NonZeroUsize::MIN, |_| async { anyhow::bail!("no") });
        assert_eq!(compare(vec![fails]).await.unwrap_err().to_string(), "no");
    }

    #[tokio::test]
    async fn what_takes_longer_is_slower() {
        let sleeping = |milliseconds| {
            Runner::new(NonZeroUsize::new(100).unwrap(), move |_| async move {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                Ok(())
            })
        };
        let measured = compare(vec![sleeping(1), sleeping(20)]).await.unwrap();
        assert!(measured[0].per_second > measured[1].per_second, "{measured:?}");
    }
}
