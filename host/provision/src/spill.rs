//! Values put down in a file of no name, and taken up again by their place: what is too much for memory.

use crate::error::ProvisionError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};

/// The file. It is gone with this value, or with the process.
#[derive(Debug)]
pub(crate) struct Spill {
    file: BufWriter<File>,
    end: u64,
}

/// Where a value lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    from: u64,
    length: usize,
}

impl Spill {
    pub(crate) fn new() -> Result<Self, ProvisionError> {
        let file = tempfile::tempfile().map_err(|error| ProvisionError::Scratch(error.to_string()))?;
        Ok(Self { file: BufWriter::new(file), end: 0 })
    }

    pub(crate) fn put(&mut self, value: &impl Serialize) -> Result<Place, ProvisionError> {
        let text = serde_json::to_vec(value).map_err(|error| ProvisionError::Scratch(error.to_string()))?;
        let place = Place { from: self.end, length: text.len() };
        self.file.write_all(&text).map_err(|error| ProvisionError::Scratch(error.to_string()))?;
        self.end += text.len() as u64;
        Ok(place)
    }

    pub(crate) fn take<T: DeserializeOwned>(&mut self, place: Place) -> Result<T, ProvisionError> {
        let mut text = vec![0; place.length];
        // Seeking writes out what is buffered first.
        let read = self.file.seek(SeekFrom::Start(place.from)).and_then(|_| {
            self.file.get_mut().read_exact(&mut text)?;
            self.file.seek(SeekFrom::Start(self.end))
        });
        read.map_err(|error| ProvisionError::Scratch(error.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| ProvisionError::Scratch(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_down_is_taken_up_again_in_any_order() {
        let mut spill = Spill::new().unwrap();
        let places: Vec<Place> =
            (0..100).map(|number| spill.put(&format!("Zoë {number}")).unwrap()).collect();
        assert_eq!(spill.take::<String>(places[70]).unwrap(), "Zoë 70");
        let last = spill.put(&serde_json::json!({ "a": [1] })).unwrap();
        assert_eq!(spill.take::<String>(places[0]).unwrap(), "Zoë 0");
        assert_eq!(spill.take::<serde_json::Value>(last).unwrap()["a"][0], 1);
    }
}
