//! Digits of all scripts.

/// The zeros of the decimal digits (general category Nd of Unicode 14.0.0); nine more follow each.
const ZEROS: [u32; 66] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620,
    0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0,
    0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60,
    0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

/// The value of a decimal digit of any script.
pub fn digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    let code = c as u32;
    let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= code)].last()?;
    char::from_digit(code - zero, 10)
}

/// The value of a digit in Chinese characters or in Korean syllables, as numbers are spelt out with them.
pub fn ideographic_digit(c: char) -> Option<char> {
    Some(match c {
        '零' | '〇' | '공' | '영' => '0',
        '一' | '壹' | '幺' | '일' => '1',
        '二' | '贰' | '兩' | '两' | '이' => '2',
        '三' | '叁' | '삼' => '3',
        '四' | '肆' | '사' => '4',
        '五' | '伍' | '오' => '5',
        '六' | '陆' | '육' => '6',
        '七' | '柒' | '칠' => '7',
        '八' | '捌' | '팔' => '8',
        '九' | '玖' | '구' => '9',
        _ => return None,
    })
}

/// Whether this is a digit of a script, or a character that digits are spelt with.
pub fn is_digit(c: char) -> bool {
    digit(c).is_some() || ideographic_digit(c).is_some()
}

/// Whether this letter is of a script that is written without blanks, or that hangs endings on digits: a digit beside it
/// is no part of its word.
pub fn is_unspaced(c: char) -> bool {
    matches!(c as u32,
        0xe01..=0xe4e | 0xe80..=0xecf | 0x1000..=0x103f | 0x1100..=0x11ff | 0x1780..=0x17d3 | 0x3005..=0x3007
        | 0x3041..=0x30ff | 0x3131..=0x318e | 0x3400..=0x9fff | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_have_their_value_in_every_script() {
        let value = |text: &str| text.chars().filter_map(digit).collect::<String>();
        for text in
            ["0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "๐๑๒๓๔๕๖๗๘๙", "０１２３４５６７８９", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗"]
        {
            assert_eq!(value(text), "0123456789", "{text}");
        }
        assert_eq!(value("a½²①٪"), "");
        assert_eq!("零一二三四五六七八九".chars().filter_map(ideographic_digit).collect::<String>(), "0123456789");
        assert!(ZEROS.is_sorted());
    }
}
