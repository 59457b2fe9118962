//! One timed round: every way of a program, one after the other, checked before it is measured.

use crate::expected;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long a way runs before it is measured: caches warm, pages mapped, branches known.
const WARM_UP: Duration = Duration::from_millis(100);
/// How long it is then measured.
const MEASURED: Duration = Duration::from_millis(500);
/// How long a batch takes, roughly: long enough that reading the clock costs nothing, short enough that many
/// batches see no interruption.
const BATCH: Duration = Duration::from_millis(2);

/// What one way cost in one round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Which way: `scimwright, fresh instance`.
    pub way: String,
    /// Nanoseconds for one record: the median over the batches.
    pub nanoseconds: f64,
    /// How many records were mapped while the time was taken.
    pub records: u64,
}

/// A way that does not do the benchmark's work.
#[derive(Debug)]
pub struct WrongUser {
    way: String,
    user: Value,
}

impl std::fmt::Display for WrongUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "`{}` made another user than the others:\n{:#}\nand not\n{:#}",
            self.way,
            self.user,
            expected()
        )
    }
}

impl Error for WrongUser {}

/// The ways that were measured so far.
#[derive(Debug, Default)]
pub struct Round {
    measured: Vec<Measured>,
}

impl Round {
    /// A round in which nothing has been measured.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Measures a way of mapping the example. `map` is what is timed, with the dropping of what it returns;
    /// `user` shows that as JSON, for the check that comes first.
    ///
    /// # Errors
    /// When a mapping fails, and [`WrongUser`] when its user is not the [`expected`] one.
    pub fn measure<T, E: Into<Box<dyn Error + Send + Sync>>>(
        &mut self,
        way: &str,
        mut map: impl FnMut() -> Result<T, E>,
        user: impl FnOnce(T) -> Value,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let user = user(map().map_err(Into::into)?);
        if user != expected() {
            return Err(WrongUser { way: way.to_owned(), user }.into());
        }
        let mut run = |records: u64| -> Result<Duration, Box<dyn Error + Send + Sync>> {
            let begun = Instant::now();
            for _ in 0..records {
                black_box(map().map_err(Into::into)?);
            }
            Ok(begun.elapsed())
        };
        let batch = batch_size(&mut run)?;
        let (mut batches, mut total) = (Vec::new(), Duration::ZERO);
        while total < MEASURED {
            let took = run(batch)?;
            total += took;
            batches.push(took.as_nanos() as f64 / batch as f64);
        }
        self.measured.push(Measured {
            way: way.to_owned(),
            nanoseconds: median(&mut batches),
            records: batch * batches.len() as u64,
        });
        Ok(())
    }

    /// What was measured, in order.
    #[must_use]
    pub fn finish(self) -> Vec<Measured> {
        self.measured
    }
}

/// Warms a way up, and says how many records make a batch.
fn batch_size<E>(run: &mut impl FnMut(u64) -> Result<Duration, E>) -> Result<u64, E> {
    let begun = Instant::now();
    let (mut records, mut took) = (1, Duration::MAX);
    while begun.elapsed() < WARM_UP {
        took = run(records)?;
        if took < BATCH {
            records *= 2;
        }
    }
    let wanted = records as f64 * BATCH.as_secs_f64() / took.as_secs_f64();
    Ok((wanted as u64).max(1))
}

/// The middle value; of an even number the higher of the two in the middle. Zero of none.
#[must_use]
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn a_way_with_the_right_user_is_measured() {
        let mut round = Round::new();
        round.measure("right", || Ok::<_, Infallible>(expected()), |user| user).unwrap();
        let measured = round.finish();
        assert_eq!(measured.len(), 1);
        assert!(measured[0].records > 0 && measured[0].nanoseconds > 0.0, "{measured:?}");
    }

    #[test]
    fn a_way_with_another_user_is_refused_before_it_is_measured() {
        let mut round = Round::new();
        let error = round.measure("wrong", || Ok::<_, Infallible>(()), |()| Value::Null).unwrap_err();
        assert!(error.to_string().starts_with("`wrong` made another user"), "{error}");
        assert!(round.finish().is_empty());
    }

    #[test]
    fn the_median_is_the_value_in_the_middle() {
        assert_eq!(median(&mut [9.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(&mut []), 0.0);
    }
}
