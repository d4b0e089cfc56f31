//! Variable-length integers: seven bits a byte, the lowest first; the eighth bit says that another byte follows.

pub(super) fn write(mut number: u64, to: &mut Vec<u8>) {
    while number >= 0x80 {
        to.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    to.push(number.to_le_bytes()[0]);
}

/// What `write` wrote.
pub(super) fn read(from: &mut &[u8]) -> u64 {
    let mut number = 0;
    let mut shift = 0;
    while let Some((byte, rest)) = from.split_first() {
        *from = rest;
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if *byte < 0x80 {
            break;
        }
    }
    number
}

pub(super) fn write_signed(number: i64, to: &mut Vec<u8>) {
    // Small ones are short, whatever their sign.
    write((number << 1 ^ number >> 63).cast_unsigned(), to);
}

pub(super) fn read_signed(from: &mut &[u8]) -> i64 {
    let number = read(from);
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// A length that was one in memory.
pub(super) fn read_length(from: &mut &[u8]) -> usize {
    usize::try_from(read(from)).unwrap_or(usize::MAX)
}

/// The next `length` bytes.
pub(super) fn take<'a>(from: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = from.split_at(length);
    *from = rest;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_from_as_few_bytes_as_they_need() {
        for (number, bytes) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (u64::MAX, 10)] {
            let mut written = Vec::new();
            write(number, &mut written);
            assert_eq!(written.len(), bytes, "{number}");
            assert_eq!(read(&mut &written[..]), number);
        }
        for (number, bytes) in [(0, 1), (-1, 1), (63, 1), (-64, 1), (64, 2), (i64::MIN, 10), (i64::MAX, 10)] {
            let mut written = Vec::new();
            write_signed(number, &mut written);
            assert_eq!(written.len(), bytes, "{number}");
            assert_eq!(read_signed(&mut &written[..]), number);
        }
    }
}
