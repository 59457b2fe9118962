//! PostgreSQL's `numeric`: as many digits as anybody wants.
//!
//! As a field it is a decimal, and only where that loses no digit. What kind of value a column gives must not
//! change from row to row, so a number that does not fit is refused, and whoever needs it declares the column
//! `text`.

/// A number as `numeric_send` writes it: four lengths and flags, then groups of four digits.
const HEADER: usize = 8;

/// The digits of a number: `-1250.50`.
///
/// # Errors
/// What follows "column `x`" in a sentence.
pub(super) fn text(bytes: &[u8]) -> Result<String, String> {
    let broken = || "holds a number in a form that scimwright does not know; cast it to text".to_owned();
    let words: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    let [count, weight, sign, scale, groups @ ..] = words.as_slice() else { return Err(broken()) };
    if bytes.len() < HEADER || groups.len() != usize::from(*count) || groups.iter().any(|group| *group > 9999)
    {
        return Err(broken());
    }
    let sign = match sign {
        0 => "",
        0x4000 => "-",
        0xC000 => return Err("holds NaN, which is not a finite number".to_owned()),
        0xD000 | 0xF000 => return Err("holds infinity, which is not a finite number".to_owned()),
        _ => return Err(broken()),
    };
    // The group at `weight` stands for units of 10000^weight; groups that are not there are zeros.
    let weight = i32::from(weight.cast_signed());
    let group = |place: i32| {
        let index = usize::try_from(weight - place).ok();
        index.and_then(|index| groups.get(index)).copied().unwrap_or(0)
    };
    let mut whole: String = (0..=weight).rev().map(|place| format!("{:04}", group(place))).collect();
    let significant = whole.trim_start_matches('0').len();
    whole.drain(..whole.len() - significant);
    if whole.is_empty() {
        whole.push('0');
    }
    let scale = usize::from(*scale);
    let mut fraction = String::new();
    let mut place = -1;
    while fraction.len() < scale {
        fraction.push_str(&format!("{:04}", group(place)));
        place -= 1;
    }
    fraction.truncate(scale);
    let point = if fraction.is_empty() { "" } else { "." };
    Ok(format!("{sign}{whole}{point}{fraction}"))
}

/// The decimal that a number's digits are.
///
/// # Errors
/// Where a decimal of 64 bits does not have all of them.
pub(super) fn decimal(text: &str) -> Result<f64, String> {
    let plain = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    };
    match text.parse::<f64>() {
        Ok(number) if number.to_string() == plain => Ok(number),
        _ => Err(format!(
            "holds {text}, which has more digits than a decimal keeps; declare the column: types = {{ COLUMN = \"text\" }}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(weight: i16, sign: u16, scale: u16, groups: &[u16]) -> Vec<u8> {
        let count = u16::try_from(groups.len()).unwrap();
        let words = [count, weight.cast_unsigned(), sign, scale];
        words.iter().chain(groups).flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn groups_of_four_digits_become_a_number() {
        for (weight, sign, scale, groups, digits) in [
            (0, 0, 0, &[][..], "0"),
            (0, 0, 2, &[1250, 5000], "1250.50"),
            (1, 0x4000, 0, &[1], "-10000"),
            (1, 0, 0, &[12, 3], "120003"),
            (-1, 0, 4, &[1], "0.0001"),
            (-2, 0, 6, &[100], "0.000001"),
            (2, 0, 3, &[1, 0, 0, 1200], "100000000.120"),
        ] {
            assert_eq!(text(&number(weight, sign, scale, groups)).unwrap(), digits);
        }
        assert!(text(&number(0, 0xC000, 0, &[])).unwrap_err().contains("NaN"));
    }

    #[test]
    fn a_number_is_a_decimal_only_where_no_digit_is_lost() {
        assert_eq!(decimal("1250.50"), Ok(1250.5));
        assert_eq!(decimal("-0.1"), Ok(-0.1));
        assert_eq!(decimal("100"), Ok(100.0));
        let error = decimal("12345678901234567890").unwrap_err();
        assert!(error.contains("more digits than a decimal keeps"), "{error}");
        assert!(decimal("0.12345678901234567890").is_err());
    }
}
