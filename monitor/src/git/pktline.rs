//! git's framing: four hex digits of length, then the bytes; `0000` is a flush.

/// The most that one packet carries in a side band, by git's protocol.
const MAX_BAND: usize = 65_515;
/// The most that one packet may hold, with its length.
const MAX_PACKET: usize = 65_520;
/// The packet that ends a section.
pub const FLUSH: &[u8] = b"0000";

/// The first packet of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A packet; the rest follows it.
    Data(&'a [u8], &'a [u8]),
    /// A flush; the rest follows it.
    Flush(&'a [u8]),
    /// The bytes end before the packet does.
    Incomplete,
    /// Not a packet.
    Invalid,
}

/// Looks at the first packet of `bytes`.
pub fn first(bytes: &[u8]) -> Packet<'_> {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return Packet::Incomplete;
    };
    if !length.iter().all(u8::is_ascii_hexdigit) {
        return Packet::Invalid;
    }
    let length = std::str::from_utf8(length)
        .ok()
        .and_then(|digits| usize::from_str_radix(digits, 16).ok());
    match length {
        Some(0) => Packet::Flush(rest),
        Some(length) if (5..=MAX_PACKET).contains(&length) => {
            match rest.split_at_checked(length - 4) {
                Some((data, rest)) => Packet::Data(data, rest),
                None => Packet::Incomplete,
            }
        }
        _ => Packet::Invalid,
    }
}

/// `data` as one packet. It must be shorter than 65,516 bytes.
pub fn packet(data: &[u8]) -> Vec<u8> {
    debug_assert!(data.len() + 4 <= MAX_PACKET);
    let mut packet = format!("{:04x}", data.len() + 4).into_bytes();
    packet.extend_from_slice(data);
    packet
}

/// `data` in side band 1, in as many packets as it takes.
pub fn side_band(data: &[u8]) -> Vec<u8> {
    data.chunks(MAX_BAND)
        .flat_map(|chunk| packet(&[&[1], chunk].concat()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_as_they_are_written() {
        let bytes = [packet(b"hello"), FLUSH.to_vec(), b"PACK".to_vec()].concat();
        let Packet::Data(data, rest) = first(&bytes) else {
            panic!("no packet")
        };
        assert_eq!(data, b"hello");
        assert_eq!(first(rest), Packet::Flush(b"PACK"));
    }

    #[test]
    fn what_is_no_packet_is_told_from_what_is_not_whole() {
        for (bytes, expected) in [
            (&b""[..], Packet::Incomplete),
            (b"00", Packet::Incomplete),
            (b"0009hell", Packet::Incomplete),
            (b"+009hello", Packet::Invalid),
            (b"0001", Packet::Invalid),
            (b"0004", Packet::Invalid),
            (b"ffff", Packet::Invalid),
            (b"PACK", Packet::Invalid),
        ] {
            assert_eq!(first(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_long_report_takes_several_packets() {
        let bytes = side_band(&vec![b'x'; MAX_BAND + 1]);
        assert_eq!(bytes.len(), MAX_BAND + 1 + 2 * 5);
    }
}
