//! Streams that are read a page at a time, so that the connection is free in between.

use crate::error::StateError;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};

/// How many rows are read at a time.
pub(crate) const PAGE: i64 = 500;

/// Calls `read` with the place after which to go on, until a page is empty. `place` says where an item stands.
pub(crate) fn in_pages<T, P, F>(
    first: P,
    place: fn(&T) -> P,
    read: impl Fn(P) -> F + Send + 'static,
) -> BoxStream<'static, Result<T, StateError>>
where
    T: Send + 'static,
    P: Send + 'static,
    F: Future<Output = Result<Vec<T>, StateError>> + Send + 'static,
{
    let pages = futures::stream::try_unfold((first, read), move |(after, read)| async move {
        let page = read(after).await?;
        let last = page.last().map(place);
        Ok::<_, StateError>(last.map(|last| (page, (last, read))))
    });
    pages.map_ok(|page| futures::stream::iter(page.into_iter().map(Ok))).try_flatten().boxed()
}
