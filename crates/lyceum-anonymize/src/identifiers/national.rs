//! National ids that can be checked. Where digits alone say little (one or two check digits), the header must say it too.

use super::Kind;
use super::checks::luhn;
use super::headers::Words;

/// Whether the value is a national id: of a form that nothing else has, or of any checkable form under a header that says
/// so.
pub(super) fn is_valid(value: &str, header: &Words) -> bool {
    let plain: String = value.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_uppercase()).collect();
    if codice_fiscale(&plain) || dni(&plain) || nir(&plain) {
        return true;
    }
    let digits: Vec<u32> = plain.chars().filter_map(|c| c.to_digit(10)).collect();
    header.suggests(Kind::NationalId)
        && digits.len() == plain.len()
        && (steuer_id(&digits)
            || bsn(&digits)
            || pesel(&digits)
            || cpf(&digits)
            || rijksregister(&digits)
            || personnummer(&digits)
            || nhs(&digits)
            || ssn(value, &digits))
}

/// Italy: 16 characters, the last a check over odd and even places.
fn codice_fiscale(text: &str) -> bool {
    const ODD: [u32; 36] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
        10, 22, 25, 24, 23,
    ];
    let bytes = text.as_bytes();
    if bytes.len() != 16 || !bytes[..6].iter().all(u8::is_ascii_alphabetic) || !bytes[15].is_ascii_alphabetic() {
        return false;
    }
    let sum: u32 = bytes[..15]
        .iter()
        .enumerate()
        .map(|(i, b)| {
            let value = char::from(*b).to_digit(36).unwrap_or(0);
            let even = if value >= 10 { value - 10 } else { value };
            if i % 2 == 0 { ODD[value as usize] } else { even }
        })
        .sum();
    u32::from(bytes[15] - b'A') == sum % 26
}

/// Spain: eight digits (or X, Y, Z and seven) and a letter, the number modulo 23.
fn dni(text: &str) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let bytes = text.as_bytes();
    if bytes.len() != 9 || !bytes[8].is_ascii_alphabetic() || !bytes[1..8].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let first = match bytes[0] {
        b @ b'0'..=b'9' => u32::from(b - b'0'),
        b @ b'X'..=b'Z' => u32::from(b - b'X'),
        _ => return false,
    };
    let number = bytes[1..8].iter().fold(first, |n, b| n * 10 + u32::from(b - b'0'));
    LETTERS[(number % 23) as usize] == bytes[8]
}

/// France: 13 digits (Corsica: 2A, 2B) and a key, 97 minus the number modulo 97.
fn nir(text: &str) -> bool {
    if text.len() != 15 || !matches!(text.as_bytes()[0], b'1' | b'2') {
        return false;
    }
    let text = text.replace("2A", "19").replace("2B", "18");
    let (number, key) = text.split_at(13);
    let month = text[3..5].parse::<u32>().unwrap_or(0);
    match (number.parse::<u64>(), key.parse::<u64>()) {
        (Ok(number), Ok(key)) => (1..=12).contains(&month) && 97 - number % 97 == key,
        _ => false,
    }
}

/// Germany: eleven digits, ISO 7064 mod 11,10, one digit among the first ten two or three times.
fn steuer_id(digits: &[u32]) -> bool {
    let [first @ .., check] = digits else { return false };
    if first.len() != 10 || first[0] == 0 {
        return false;
    }
    let product = first.iter().fold(10, |product, d| {
        let sum = (d + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == *check
}

/// The Netherlands: nine digits, weights 9 to 2 and −1, divisible by 11.
fn bsn(digits: &[u32]) -> bool {
    let [first @ .., last] = digits else { return false };
    let sum: i64 = first.iter().zip([9, 8, 7, 6, 5, 4, 3, 2]).map(|(d, w)| i64::from(*d) * w).sum::<i64>();
    digits.len() == 9 && sum > 0 && (sum - i64::from(*last)) % 11 == 0
}

/// Poland: eleven digits, weights 1 3 7 9.
fn pesel(digits: &[u32]) -> bool {
    let sum: u32 = digits.iter().zip([1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).map(|(d, w)| d * w).sum();
    digits.len() == 11 && sum.is_multiple_of(10) && digits.iter().any(|d| *d != digits[0])
}

/// Brazil: eleven digits, the last two by descending weights modulo 11.
fn cpf(digits: &[u32]) -> bool {
    if digits.len() != 11 || digits.iter().all(|d| *d == digits[0]) {
        return false;
    }
    (9..11).all(|n| {
        let sum: u32 = digits[..n].iter().zip((2..=u32::try_from(n).unwrap_or(0) + 1).rev()).map(|(d, w)| d * w).sum();
        sum * 10 % 11 % 10 == digits[n]
    })
}

/// Belgium: eleven digits, 97 minus the first nine modulo 97 (from 2000 on with a 2 before).
fn rijksregister(digits: &[u32]) -> bool {
    if digits.len() != 11 {
        return false;
    }
    let number = |d: &[u32]| d.iter().fold(0_u64, |n, d| n * 10 + u64::from(*d));
    let (first, key) = (number(&digits[..9]), number(&digits[9..]));
    97 - first % 97 == key || 97 - (2_000_000_000 + first) % 97 == key
}

/// Sweden: a date of six digits and four more, Luhn.
fn personnummer(digits: &[u32]) -> bool {
    let ten = match digits.len() {
        10 => digits,
        12 => &digits[2..],
        _ => return false,
    };
    let (month, day) = (ten[2] * 10 + ten[3], ten[4] * 10 + ten[5]);
    (1..=12).contains(&month) && (1..=91).contains(&day) && luhn(ten)
}

/// The United Kingdom's health service: ten digits, weights 10 to 2, modulo 11.
fn nhs(digits: &[u32]) -> bool {
    let sum: u32 = digits.iter().take(9).zip((2..=10).rev()).map(|(d, w)| d * w).sum();
    digits.len() == 10 && (11 - sum % 11) % 11 == digits[9]
}

/// The United States: no check digit, but areas, groups and serials that were never given out, and hyphens.
fn ssn(value: &str, digits: &[u32]) -> bool {
    let number = |d: &[u32]| d.iter().fold(0, |n, d| n * 10 + d);
    let hyphens = value.bytes().filter(|b| *b == b'-').count();
    digits.len() == 9
        && hyphens == 2
        && !matches!(number(&digits[..3]), 0 | 666 | 900..)
        && number(&digits[3..5]) > 0
        && number(&digits[5..]) > 0
}
