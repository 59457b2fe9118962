//! So many requests in such a time.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// A bound on requests over time: prints and parses as `600/min`.
///
/// ```
/// use scimwright_profile::Budget;
///
/// let budget: Budget = "1000/h".parse()?;
/// assert_eq!(budget.interval().as_millis(), 3600);
/// assert_eq!(budget.to_string(), "1000/h");
/// # Ok::<(), scimwright_profile::InvalidBudget>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    requests: NonZeroU32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
}

impl Unit {
    fn as_str(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
        }
    }

    fn duration(self) -> Duration {
        Duration::from_secs(match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
        })
    }
}

/// A text that is no budget.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a budget; write a number of requests above 0 and s, min or h: \"600/min\"")]
pub struct InvalidBudget {
    /// The text.
    pub text: String,
}

impl Budget {
    /// How many requests.
    #[must_use]
    pub fn requests(self) -> u32 {
        self.requests.get()
    }

    /// In what time.
    #[must_use]
    pub fn per(self) -> Duration {
        self.unit.duration()
    }

    /// The time each request is worth.
    #[must_use]
    pub fn interval(self) -> Duration {
        self.per() / self.requests.get()
    }
}

impl FromStr for Budget {
    type Err = InvalidBudget;

    fn from_str(text: &str) -> Result<Self, InvalidBudget> {
        let invalid = || InvalidBudget { text: text.to_owned() };
        let (requests, unit) = text.split_once('/').ok_or_else(invalid)?;
        let unit =
            [Unit::Second, Unit::Minute, Unit::Hour].into_iter().find(|known| known.as_str() == unit.trim());
        Ok(Self {
            requests: requests.trim().parse().map_err(|_| invalid())?,
            unit: unit.ok_or_else(invalid)?,
        })
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.requests, self.unit.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_names_a_number_and_a_time() {
        let budget: Budget = " 600 / min ".parse().unwrap();
        assert_eq!(
            (budget.requests(), budget.per().as_secs(), budget.interval().as_millis()),
            (600, 60, 100)
        );
        for text in ["600", "0/min", "600/day", "-1/s", "/s", "600/min/h", ""] {
            let error = text.parse::<Budget>().unwrap_err();
            assert!(error.to_string().contains(&format!("`{text}`")), "{error}");
        }
    }
}
