//! Forms that digits of their own have.

/// Days, months and years that were not written with slashes: "12 05 2019", "2026-03-08".
pub fn is_date<'g>(groups: impl Iterator<Item = &'g str>) -> bool {
    let groups: Vec<(usize, u32)> = groups.map(|group| (group.len(), group.parse().unwrap_or(u32::MAX))).collect();
    let small = |(length, value): &(usize, u32)| *length <= 2 && (1..=31).contains(value);
    let year = |(length, value): &(usize, u32)| *length == 4 && (1900..2100).contains(value);
    matches!(&groups[..], [a, b, c] if (small(a) && small(b) && year(c)) || (year(a) && small(b) && small(c)))
}

/// "One two three four five six seven eight nine ten".
pub fn is_count(digits: &str) -> bool {
    "12345678910".starts_with(digits)
}

/// The check digit of ISO/IEC 7812-1, annex B.
pub fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, b)| match u32::from(b - b'0') * (1 + at as u32 % 2) {
            two if two > 9 => two - 9,
            one => one,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Numbers that the Social Security Administration has never issued are not ones: area 000, 666, 9xx, group 00, serial 0000.
pub fn is_issued_ssn(digits: &str) -> bool {
    let (area, group, serial) = (&digits[..3], &digits[3..5], &digits[5..]);
    area != "000" && area != "666" && !area.starts_with('9') && group != "00" && serial != "0000"
}
