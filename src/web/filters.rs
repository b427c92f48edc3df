//! How values are written on pages. Used by templates as filters and by page structs.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A whole number with thin spaces between thousands.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A count as [`thousands`] writes it, for templates, which hand over references.
#[must_use]
pub fn count(number: &usize) -> String {
    thousands(*number as u64)
}

/// A number with at most `digits` significant digits, without trailing zeros.
#[must_use]
pub fn significant(number: f64, digits: usize) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "the magnitude of a float fits")]
    let magnitude = number.abs().log10().floor() as i32;
    if magnitude < -4 {
        let text = format!("{number:.0$e}", digits.saturating_sub(1));
        let (mantissa, exponent) = text.split_once("e-").unwrap_or((&text, "0"));
        let mantissa =
            if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
        return format!("{mantissa}e\u{2212}{exponent}");
    }
    let decimals = usize::try_from(i32::try_from(digits).unwrap_or(3) - 1 - magnitude).unwrap_or(0);
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A score as the file gives it: whole numbers without decimals.
#[must_use]
pub fn score(number: f64) -> String {
    significant((number * 1000.0).round() / 1000.0, 6)
}

/// `2016-10-12`.
#[must_use]
pub fn date(at: Timestamp) -> String {
    day(at).to_string()
}

/// The day of a time in UTC.
#[must_use]
pub fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// A time of the present day in UTC: `14:05 UTC`.
#[must_use]
pub fn time_of_day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%H:%M UTC").to_string()
}

/// `2016-10-12 14:00 UTC`.
#[must_use]
pub fn moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(thousands(124_491_972), "124\u{202f}491\u{202f}972");
        assert_eq!(thousands(680), "680");
        assert_eq!(significant(0.002_595, 3), "0.0026");
        assert_eq!(significant(15.65, 3), "15.7");
        assert_eq!(significant(0.000_012, 2), "1.2e\u{2212}5");
        assert_eq!(significant(0.000_07, 3), "7e\u{2212}5");
        assert_eq!(significant(0.0, 3), "0");
        assert_eq!(significant(1.0, 3), "1");
        assert_eq!(significant(200.0, 3), "200");
        assert_eq!(score(11.0), "11");
        assert_eq!(score(-1.001), "-1.001");
    }
}
