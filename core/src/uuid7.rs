//! The bits of a UUIDv7: 48 bits of Unix milliseconds first, so that ids sort, and prune, by time.

/// The largest Unix millisecond a UUIDv7 can say: a moment in the year 10889.
pub const MAX_UNIX_MS: i64 = (1 << 48) - 1;

/// An id of this millisecond: version 7, variant 10, and the random bits in what is left.
/// A millisecond out of range is held at the nearer end.
pub fn at(unix_ms: i64, random: [u8; 10]) -> [u8; 16] {
    let mut id = lowest(unix_ms.min(MAX_UNIX_MS));
    id[6..].copy_from_slice(&random);
    id[6] = 0x70 | (id[6] & 0x0f);
    id[8] = 0x80 | (id[8] & 0x3f);
    id
}

/// The lowest id of this millisecond, whatever its version bits: ids made elsewhere from a time and random bits
/// (ULIDs) find themselves in the same ranges. Before 1970 it is the lowest id of all; past the last
/// millisecond, the highest.
pub fn lowest(unix_ms: i64) -> [u8; 16] {
    if unix_ms > MAX_UNIX_MS {
        return [0xff; 16];
    }
    let mut id = [0; 16];
    id[..6].copy_from_slice(&unix_ms.max(0).to_be_bytes()[2..]);
    id
}

/// The Unix millisecond that an id carries.
pub fn unix_ms(id: &[u8; 16]) -> i64 {
    id[..6].iter().fold(0, |ms, byte| ms << 8 | i64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What SQL does around these functions: a call starts, its id's time is at most 24 hours away (the trigger),
    /// and a query asks for the calls between two moments.
    const DAY_MS: i64 = 24 * 3600 * 1000;

    #[test]
    fn version_and_variant_are_those_of_a_uuid_v7() {
        let id = at(1_700_000_000_000, [0xff; 10]);
        assert_eq!(id[6] >> 4, 7);
        assert_eq!(id[8] >> 6, 0b10);
        let id = at(1_700_000_000_000, [0; 10]);
        assert_eq!(id[6] >> 4, 7);
        assert_eq!(id[8] >> 6, 0b10);
    }

    #[test]
    fn times_out_of_range_take_the_nearer_end() {
        assert_eq!(lowest(i64::MIN), [0; 16]);
        assert_eq!(lowest(-1), [0; 16]);
        assert_eq!(lowest(i64::MAX), [0xff; 16]);
        assert_eq!(unix_ms(&at(i64::MAX, [1; 10])), MAX_UNIX_MS);
    }

    proptest! {
        #[test]
        fn the_time_comes_back(ms in 0..=MAX_UNIX_MS, random: [u8; 10]) {
            prop_assert_eq!(unix_ms(&at(ms, random)), ms);
            prop_assert_eq!(unix_ms(&lowest(ms)), ms);
        }

        #[test]
        fn no_id_of_a_millisecond_is_below_its_lowest(ms in 0..MAX_UNIX_MS, random: [u8; 10]) {
            prop_assert!(lowest(ms) <= at(ms, random));
            prop_assert!(at(ms, random) < lowest(ms + 1));
        }

        #[test]
        fn order_of_ids_is_order_of_time(a in 0..=MAX_UNIX_MS, b in 0..=MAX_UNIX_MS, r: [u8; 10], s: [u8; 10]) {
            prop_assume!(a < b);
            prop_assert!(at(a, r) < at(b, s));
        }

        /// `id >= voice_uuid_at(since - 24 hours) AND id < voice_uuid_at(until + 24 hours + 1 ms)` never prunes a
        /// call that `started_at` between since and until would have found. Wall clocks differ by any offset (a
        /// time zone, summer time coming or going) from what the caller meant; instants do not, and hours of an
        /// interval are instants' hours, so the offset shifts all of them alike.
        #[test]
        fn pruning_bounds_lose_no_call(
            started_us in 0i64..4_102_444_800_000_000,
            skew_us in -DAY_MS * 1000..=DAY_MS * 1000,
            before_us in 0i64..40 * DAY_MS * 1000,
            after_us in 0i64..40 * DAY_MS * 1000,
            offset_quarters in -56i64..=56,
            random: [u8; 10],
        ) {
            let offset_us = offset_quarters * 15 * 60 * 1_000_000;
            let started = started_us + offset_us;
            let (since, until) = (started - before_us, started + after_us);
            let id = at((started + skew_us).div_euclid(1000).max(0), random);
            let lower = lowest((since - DAY_MS * 1000).div_euclid(1000));
            let upper = lowest((until + DAY_MS * 1000 + 1000).div_euclid(1000));
            prop_assert!(lower <= id);
            prop_assert!(id < upper);
        }
    }
}
