//! Writing: what several tasks want written at the same time shares one transaction.
//!
//! A transaction of one's own costs more than what is written in it, and a provider that answers sixteen requests
//! at once has sixteen outcomes to store. So a write is put into a queue, and one task carries out everything that
//! waits there, commits, and only then answers. While it does, the next ones gather.
//!
//! Most writes are rows to be stored, and those of all of them go into a few statements (see [`rows`]).
//!
//! Where one of them fails, the transaction is undone and each is carried out in one of its own, so that nobody
//! fails for another's sake. Where the transaction cannot begin or be committed, all of them fail; so they do where
//! somebody took the file away, which each transaction looks for before it begins.
//!
//! The task is the runtime's, not the writer's: a writer that is dropped while it waits takes nobody with it. What
//! it wanted is left out if it was not begun, and otherwise stored with the rest.

use crate::error::StateError;
use crate::rows::{self, Rows};
use crate::store::Shared;
use futures::future::BoxFuture;
use sqlx::SqliteConnection;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// How many writes share a transaction at most.
const MOST: usize = 256;

/// What is being done where rows are stored, as long as nothing more is known.
const STORING: &str = "write down what was done";

/// How a write is carried out, from what it took with it. Possibly more than once, each time on an undone
/// transaction.
pub(crate) type CarryOut<C, T> =
    for<'a> fn(&'a C, &'a mut SqliteConnection) -> BoxFuture<'a, Result<T, StateError>>;

/// The writes that wait, and whether a task is on its way to carry them out.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    writes: VecDeque<Box<dyn Write>>,
    attended: bool,
}

/// A write whose result nobody but itself knows the type of.
trait Write: Send {
    /// Carries it out, and keeps its result for the answer. Whether it worked.
    fn carry_out<'a>(&'a mut self, connection: &'a mut SqliteConnection) -> BoxFuture<'a, bool>;

    /// Tells whoever waits the result, or that the transaction failed.
    fn answer(self: Box<Self>, shared: &Shared, failure: Option<&Failure>);

    /// Whether anybody still waits.
    fn is_awaited(&self) -> bool;

    /// What it stores, where that is all it does: together with others it is stored at once.
    fn rows(&self) -> Option<&Rows> {
        None
    }
}

/// Rows to be stored.
struct Storing {
    shared: Arc<Shared>,
    rows: Rows,
    error: Option<StateError>,
    asked_by: oneshot::Sender<Result<(), StateError>>,
}

impl Write for Storing {
    fn carry_out<'a>(&'a mut self, connection: &'a mut SqliteConnection) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            self.error = self.rows.put(&self.shared, connection).await.err();
            self.error.is_none()
        })
    }

    fn answer(self: Box<Self>, shared: &Shared, failure: Option<&Failure>) {
        let failed = failure.map(|failure| failure.told(shared, STORING));
        let answer = failed.or(self.error).map_or(Ok(()), Err);
        // Whoever was dropped meanwhile does not care.
        drop(self.asked_by.send(answer));
    }

    fn is_awaited(&self) -> bool {
        !self.asked_by.is_closed()
    }

    fn rows(&self) -> Option<&Rows> {
        Some(&self.rows)
    }
}

struct Request<C, T> {
    doing: &'static str,
    context: C,
    carry_out: CarryOut<C, T>,
    result: Option<Result<T, StateError>>,
    asked_by: oneshot::Sender<Result<T, StateError>>,
}

impl<C: Send + Sync, T: Send> Write for Request<C, T> {
    fn carry_out<'a>(&'a mut self, connection: &'a mut SqliteConnection) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let result = (self.carry_out)(&self.context, connection).await;
            let worked = result.is_ok();
            self.result = Some(result);
            worked
        })
    }

    fn answer(self: Box<Self>, shared: &Shared, failure: Option<&Failure>) {
        let answer = match (failure, self.result) {
            (None, Some(result)) => result,
            (Some(failure), _) => Err(failure.told(shared, self.doing)),
            (None, None) => return,
        };
        // Whoever was dropped meanwhile does not care.
        drop(self.asked_by.send(answer));
    }

    fn is_awaited(&self) -> bool {
        !self.asked_by.is_closed()
    }
}

impl Shared {
    /// Changes what is kept, together with whoever else does at this moment. `context` goes with it, since it may
    /// outlive the caller.
    pub(crate) async fn write<C, T>(
        self: &Arc<Self>,
        doing: &'static str,
        context: C,
        carry_out: CarryOut<C, T>,
    ) -> Result<T, StateError>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.opened_for_writing(doing)?;
        let (asked_by, answer) = oneshot::channel();
        self.enqueue(Box::new(Request { doing, context, carry_out, result: None, asked_by }));
        answer.await.unwrap_or_else(|_| Err(self.broken_off(doing)))
    }

    /// Stores rows, together with whoever else does at this moment.
    pub(crate) async fn store(self: &Arc<Self>, rows: Rows) -> Result<(), StateError> {
        self.opened_for_writing(STORING)?;
        let (asked_by, answer) = oneshot::channel();
        self.enqueue(Box::new(Storing { shared: Arc::clone(self), rows, error: None, asked_by }));
        answer.await.unwrap_or_else(|_| Err(self.broken_off(STORING)))
    }

    fn enqueue(self: &Arc<Self>, write: Box<dyn Write>) {
        if self.queue.add(write) {
            tokio::spawn(attend(Attendance { shared: Arc::clone(self), ended: false }));
        }
    }

    fn broken_off(&self, doing: &'static str) -> StateError {
        let cause = sqlx::Error::Protocol("it was broken off; the program is ending".to_owned());
        StateError::from_sql(self.path(), doing, cause)
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a write at the end. Whether somebody has to be sent to attend to it.
    fn add(&self, write: Box<dyn Write>) -> bool {
        let mut waiting = self.lock();
        waiting.writes.push_back(write);
        !std::mem::replace(&mut waiting.attended, true)
    }

    /// Takes the next writes out. None are left when this is empty, and nobody attends to the queue any more.
    fn take(&self) -> Vec<Box<dyn Write>> {
        let mut waiting = self.lock();
        let mut batch = Vec::new();
        while batch.len() < MOST
            && let Some(write) = waiting.writes.pop_front()
        {
            if write.is_awaited() {
                batch.push(write);
            }
        }
        waiting.attended = !batch.is_empty();
        batch
    }
}

/// Held by the task that attends to the queue. Should that end before its time, because its runtime does, those who
/// wait hear of it and the next one finds the queue free.
struct Attendance {
    shared: Arc<Shared>,
    ended: bool,
}

impl Drop for Attendance {
    fn drop(&mut self) {
        if !self.ended {
            let mut waiting = self.shared.queue.lock();
            waiting.attended = false;
            let writes = std::mem::take(&mut waiting.writes);
            drop(waiting);
            drop(writes);
        }
    }
}

async fn attend(mut attendance: Attendance) {
    let shared = Arc::clone(&attendance.shared);
    loop {
        // Lets those who were just answered ask for their next write first.
        tokio::task::yield_now().await;
        let mut connection = shared.reader().await;
        let batch = shared.queue.take();
        if batch.is_empty() {
            attendance.ended = true;
            return;
        }
        settle_batch(&shared, &mut connection, batch).await;
    }
}

/// How a transaction ended.
enum Ended {
    Committed,
    /// One of the writes failed, and knows why. Nothing has changed.
    OneFailed,
    /// The transaction itself did. Nothing has changed.
    Failed(Failure),
}

/// Why a transaction came to nothing.
enum Failure {
    /// SQLite said so.
    Sql(sqlx::Error),
    /// The file is not where it was.
    TakenAway,
}

impl Failure {
    /// What one of those is told who wanted something written.
    fn told(&self, shared: &Shared, doing: &'static str) -> StateError {
        match self {
            Self::Sql(cause) => StateError::from_shared_sql(shared.path(), doing, cause),
            Self::TakenAway => shared.taken_away(doing),
        }
    }
}

async fn settle_batch(shared: &Shared, connection: &mut SqliteConnection, mut batch: Vec<Box<dyn Write>>) {
    match in_one_transaction(shared, connection, &mut batch).await {
        Ended::OneFailed if batch.len() > 1 => {
            for write in batch {
                let mut alone = vec![write];
                let failure = match in_one_transaction(shared, connection, &mut alone).await {
                    Ended::Committed | Ended::OneFailed => None,
                    Ended::Failed(cause) => Some(cause),
                };
                answer(shared, alone, failure.as_ref());
            }
        }
        Ended::Committed | Ended::OneFailed => answer(shared, batch, None),
        Ended::Failed(cause) => answer(shared, batch, Some(&cause)),
    }
}

fn answer(shared: &Shared, batch: Vec<Box<dyn Write>>, failure: Option<&Failure>) {
    batch.into_iter().for_each(|write| write.answer(shared, failure));
}

/// Begins, carries out and commits. By plain statements: SQLite undoes a transaction by itself when the disk is full
/// or fails, and sqlx would go on counting it as open.
async fn in_one_transaction(
    shared: &Shared,
    connection: &mut SqliteConnection,
    batch: &mut [Box<dyn Write>],
) -> Ended {
    if !shared.is_in_place() {
        return Ended::Failed(Failure::TakenAway);
    }
    shared.in_transaction.store(true, Ordering::Relaxed);
    let ended = match sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await {
        Ok(_) => carry_out_all(connection, batch).await,
        Err(cause) => Ended::Failed(Failure::Sql(cause)),
    };
    if !matches!(ended, Ended::Committed) {
        shared.undo(connection).await;
    }
    shared.in_transaction.store(false, Ordering::Relaxed);
    ended
}

async fn carry_out_all(connection: &mut SqliteConnection, batch: &mut [Box<dyn Write>]) -> Ended {
    let rows: Vec<&Rows> = batch.iter().filter_map(|write| write.rows()).collect();
    let at_once = rows.len() > 1;
    if at_once && rows::put_all(&rows, connection).await.is_err() {
        return Ended::OneFailed;
    }
    for write in batch.iter_mut().filter(|write| !at_once || write.rows().is_none()) {
        if !write.carry_out(connection).await {
            return Ended::OneFailed;
        }
    }
    match sqlx::query("COMMIT").execute(connection).await {
        Ok(_) => Ended::Committed,
        Err(cause) => Ended::Failed(Failure::Sql(cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Scratch, intent, key, link, log_entry, scope};
    use crate::{LinkChange, Settlement, TenantState};
    use futures::FutureExt;
    use futures::future::join_all;

    /// Lets `writes` come to the queue while nobody attends to it, so that they share a transaction.
    async fn at_once<T>(state: &TenantState, writes: impl Future<Output = T>) -> T {
        let held = state.shared.reader().await;
        let mut writes = std::pin::pin!(writes);
        assert!(writes.as_mut().now_or_never().is_none());
        drop(held);
        writes.await
    }

    #[tokio::test]
    async fn writes_that_wait_together_are_all_done_and_one_that_is_refused_fails_alone() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let taken = link("taken", "r3");
        state.put_link(&scope(), &taken).await.unwrap();
        let links: Vec<_> = (0..8).map(|number| link(&format!("k{number}"), &format!("r{number}"))).collect();
        let scope = scope();
        let results = at_once(&state, join_all(links.iter().map(|link| state.put_link(&scope, link)))).await;
        for (number, result) in results.iter().enumerate() {
            match result {
                Ok(()) => assert_ne!(number, 3),
                Err(error) => {
                    assert!(matches!(error, StateError::ResourceTaken { .. }), "{error}");
                    assert_eq!(number, 3);
                }
            }
        }
        assert_eq!(state.count_links(&scope, None).await.unwrap(), 8);
        assert_eq!(state.link(&scope, &key("k3")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn nothing_is_answered_or_seen_before_it_is_committed() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let outside = crate::StateStore::open_read_only(&scratch.path).await.unwrap().tenant(state.name());
        let records: Vec<_> = (0..40).map(|number| format!("k{number}")).collect();
        let (scope, entry) = (scope(), log_entry("x", 1));
        let writes = join_all(records.iter().map(async |record| {
            state.write_intent(&scope, &intent(record)).await.unwrap();
            assert!(outside.intents(&scope).await.unwrap().iter().any(|open| open.key.as_str() == record));
            let made = link(record, record);
            let settlement = Settlement { link: Some(LinkChange::Put(&made)), log: entry.clone() };
            state.settle(&scope, &key(record), &settlement).await.unwrap();
            assert!(state.link(&scope, &key(record)).await.unwrap().is_some());
            assert!(outside.link(&scope, &key(record)).await.unwrap().is_some());
        }));
        writes.await;
        assert_eq!(state.intents(&scope).await.unwrap(), []);
    }

    /// A row that SQLite accepts, and whose absent parent it only misses at the commit.
    async fn write_orphan(state: &TenantState) -> Result<(), StateError> {
        let write =
            state.shared.write("adopt an orphan", (), |(), connection| {
                Box::pin(async {
                    let sql = "INSERT INTO children VALUES (1)";
                    sqlx::query(sql).execute(connection).await.map(drop).map_err(|cause| {
                        StateError::Database { path: "unused".into(), doing: "unused", cause }
                    })
                })
            });
        write.await
    }

    #[tokio::test]
    async fn a_commit_that_fails_fails_everybody_in_it_and_the_next_one_works() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let tables = "CREATE TABLE parents (id INTEGER PRIMARY KEY);
                      CREATE TABLE children (parent REFERENCES parents DEFERRABLE INITIALLY DEFERRED);";
        sqlx::raw_sql(tables).execute(&mut *state.shared.reader().await).await.unwrap();
        let (scope, link) = (scope(), link("jdoe", "2819c"));
        let both = futures::future::join(state.put_link(&scope, &link), write_orphan(&state));
        let (put, orphan) = at_once(&state, both).await;
        for error in [put.unwrap_err(), orphan.unwrap_err()] {
            assert!(error.to_string().contains("FOREIGN KEY constraint failed"), "{error}");
            assert!(error.to_string().contains(&scratch.path.display().to_string()), "{error}");
        }
        assert_eq!(state.link(&scope, &link.key).await.unwrap(), None);
        state.put_link(&scope, &link).await.unwrap();
        assert_eq!(state.link(&scope, &link.key).await.unwrap(), Some(link));
    }

    #[tokio::test]
    async fn a_write_that_is_dropped_before_it_began_is_left_out_and_the_others_are_done() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let (scope, [a, b, c]) = (scope(), ["a", "b", "c"].map(|record| link(record, record)));
        let mut dropped = Box::pin(state.put_link(&scope, &b));
        let held = state.shared.reader().await;
        // The first of all is dropped too: the task that it sent is not its own.
        let mut first = Box::pin(state.put_link(&scope, &a));
        assert!(first.as_mut().now_or_never().is_none());
        assert!(dropped.as_mut().now_or_never().is_none());
        let mut last = Box::pin(state.put_link(&scope, &c));
        assert!(last.as_mut().now_or_never().is_none());
        drop((first, dropped, held));
        last.await.unwrap();
        assert_eq!(state.count_links(&scope, None).await.unwrap(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn writers_that_are_aborted_at_any_moment_break_nobody_else() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let writer = |name: String| {
            let state = state.clone();
            async move {
                let link = link(&name, &name);
                let log = log_entry(&name, 1);
                state.write_intent(&scope(), &intent(&name)).await.unwrap();
                let settlement = Settlement { link: Some(LinkChange::Put(&link)), log };
                state.settle(&scope(), &key(&name), &settlement).await.unwrap();
            }
        };
        for round in 0..50_u64 {
            let [doomed, kept] = ["doomed", "kept"].map(|kind| {
                (0..4).map(|n| tokio::spawn(writer(format!("{kind}{round}-{n}")))).collect::<Vec<_>>()
            });
            tokio::time::sleep(std::time::Duration::from_micros(20 * round)).await;
            doomed.iter().for_each(tokio::task::JoinHandle::abort);
            for task in kept {
                task.await.unwrap();
            }
        }
        // All or nothing for each of them, and those who were not aborted are all there.
        state.put_link(&scope(), &link("last", "last")).await.unwrap();
        let log = state.log(&crate::LogFilter { limit: 1_000, ..crate::LogFilter::default() }).await.unwrap();
        let links = state.count_links(&scope(), None).await.unwrap();
        assert_eq!(links, log.len() as u64 + 1);
        assert!(links > 200);
        for entry in log {
            assert!(state.link(&scope(), &entry.key.unwrap()).await.unwrap().is_some());
        }
    }

    #[test]
    fn a_runtime_that_ends_in_the_middle_leaves_no_open_transaction_to_the_next() {
        let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (first, second) = (runtime(), runtime());
        let scratch = second.block_on(Scratch::open());
        let state = scratch.tenant();
        second.block_on(state.put_link(&scope(), &link("jdoe", "1"))).unwrap();
        // Until then, the task of the second runtime would take what the first one asks for.
        while state.shared.queue.lock().attended {
            std::thread::yield_now();
        }
        let stuck = state.clone();
        first.spawn(async move {
            let write = stuck.shared.write("never end", (), |(), connection| {
                Box::pin(async {
                    sqlx::query("DELETE FROM links").execute(connection).await.map(drop).unwrap();
                    std::future::pending::<Result<(), StateError>>().await
                })
            });
            write.await
        });
        while !state.shared.in_transaction.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        let queued = second.spawn({
            let state = state.clone();
            async move { state.put_link(&scope(), &link("asmith", "2")).await }
        });
        while state.shared.queue.lock().writes.is_empty() {
            std::thread::yield_now();
        }
        first.shutdown_timeout(std::time::Duration::from_secs(5));
        let error = second.block_on(queued).unwrap().unwrap_err();
        assert!(error.to_string().contains("broken off"), "{error}");
        second.block_on(state.put_link(&scope(), &link("asmith", "2"))).unwrap();
        let outside = second.block_on(crate::StateStore::open_read_only(&scratch.path)).unwrap();
        let tenant = outside.tenant(state.name());
        assert_eq!(second.block_on(tenant.count_links(&scope(), None)).unwrap(), 2, "nothing was deleted");
    }
}
