//! From a thread that reads to a stream that is awaited.
//!
//! Reading a file blocks, so it runs on a blocking thread and hands rows over in batches.
//! Only a few batches may wait; when the stream is dropped, the next hand-over fails and the
//! thread ends. The end of a pass is a message of its own: a thread that merely vanished
//! must not look like a source that was read completely.

use futures::StreamExt;
use scimwright_record::{RecordStream, Row, SourceError, SourceName};
use tokio::sync::mpsc;

/// How many batches may wait to be taken.
const WAITING_BATCHES: usize = 4;

/// A batch is handed over when it has this many rows, or stands for this many bytes of input.
const BATCH_ROWS: usize = 256;
const BATCH_BYTES: usize = 256 * 1024;

/// Why reading stopped before its end.
#[derive(Debug)]
pub(crate) enum Halt {
    /// Nobody takes the rows any more.
    Abandoned,
    /// The source cannot be read further.
    Failed(SourceError),
}

impl From<SourceError> for Halt {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

enum Message {
    Rows(Vec<Row>),
    Failed(SourceError),
    Complete,
}

/// The end of the channel that a reading thread fills.
pub(crate) struct Feed {
    sender: mpsc::Sender<Message>,
    batch: Vec<Row>,
    bytes: usize,
}

impl Feed {
    /// Hands a row over. `bytes` is what it took in the input.
    ///
    /// # Errors
    /// [`Halt::Abandoned`] when nobody wants more.
    pub(crate) fn push(&mut self, row: Row, bytes: usize) -> Result<(), Halt> {
        self.batch.push(row);
        self.bytes += bytes;
        if self.batch.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Halt> {
        self.bytes = 0;
        if self.batch.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.batch);
        self.send(Message::Rows(rows))
    }

    fn send(&self, message: Message) -> Result<(), Halt> {
        self.sender.blocking_send(message).map_err(|_| Halt::Abandoned)
    }

    fn finish(mut self, outcome: Result<(), Halt>) -> Result<(), Halt> {
        self.flush()?;
        match outcome {
            Ok(()) => self.send(Message::Complete),
            Err(Halt::Failed(error)) => self.send(Message::Failed(error)),
            Err(Halt::Abandoned) => Ok(()),
        }
    }
}

/// Runs the opening of a source on a blocking thread.
pub(crate) async fn open<T: Send + 'static>(
    name: SourceName,
    open: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    tokio::task::spawn_blocking(open).await.unwrap_or_else(|_| Err(vanished(name)))
}

/// Runs `produce` on a blocking thread; the stream yields what it pushes.
pub(crate) fn stream(
    name: SourceName,
    produce: impl FnOnce(&mut Feed) -> Result<(), Halt> + Send + 'static,
) -> RecordStream {
    let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
    tokio::task::spawn_blocking(move || {
        let mut feed = Feed { sender, batch: Vec::new(), bytes: 0 };
        let outcome = produce(&mut feed);
        // The only failure is that nobody listens, and then nobody has to be told.
        let _ = feed.finish(outcome);
    });
    let rows = futures::stream::unfold(Some(receiver), move |receiver| {
        let name = name.clone();
        async move {
            let mut receiver = receiver?;
            match receiver.recv().await {
                Some(Message::Rows(rows)) => {
                    let rows: Vec<_> = rows.into_iter().map(Ok).collect();
                    Some((rows, Some(receiver)))
                }
                Some(Message::Failed(error)) => Some((vec![Err(error)], None)),
                Some(Message::Complete) => None,
                None => Some((vec![Err(vanished(name))], None)),
            }
        }
    });
    rows.map(futures::stream::iter).flatten().boxed()
}

fn vanished(source_name: SourceName) -> SourceError {
    SourceError {
        source_name,
        position: None,
        message: "the thread that read it ended before the source did; this is a defect in scimwright"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_record::{Malformed, Position};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    fn name() -> SourceName {
        SourceName::parse("hr").unwrap()
    }

    fn row(line: u64) -> Row {
        Row::Malformed(Malformed { position: Position::Line(line), key: None, message: String::new() })
    }

    #[tokio::test]
    async fn rows_before_a_failure_arrive_and_nothing_after_it() {
        let mut rows = stream(name(), |feed| {
            feed.push(row(1), 1)?;
            Err(SourceError { source_name: name(), position: None, message: "gone".into() }.into())
        });
        assert_eq!(rows.next().await.unwrap().unwrap(), row(1));
        assert_eq!(rows.next().await.unwrap().unwrap_err().message, "gone");
        assert!(rows.next().await.is_none());
    }

    #[tokio::test]
    async fn a_reading_thread_that_panics_is_not_taken_for_the_end_of_the_source() {
        let mut rows = stream(name(), |feed| {
            feed.push(row(1), 1)?;
            panic!("this panic belongs to the test")
        });
        let last = loop {
            match rows.next().await {
                Some(Ok(_)) => {}
                other => break other,
            }
        };
        assert!(last.unwrap().unwrap_err().message.contains("ended before the source did"));
    }

    #[tokio::test]
    async fn reading_waits_for_whoever_takes_the_rows_and_stops_when_nobody_does() {
        let pushed = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&pushed);
        let mut rows = stream(name(), move |feed| {
            loop {
                feed.push(row(1), 1)?;
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        rows.next().await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let bound = ((WAITING_BATCHES + 3) * BATCH_ROWS) as u64;
        let ahead = pushed.load(Ordering::SeqCst);
        assert!(ahead <= bound, "{ahead} rows were read ahead, {bound} are allowed");
        drop(rows);
        // The thread owns the other counter, so one owner left means that it has ended.
        while Arc::strong_count(&pushed) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
