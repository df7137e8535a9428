//! Which addresses a webhook may reach. A receiver's name may resolve to anything: to the cloud's metadata service, to a
//! database beside this one. So it is the address that is judged, at every connect.
//!
//! The tables follow the IANA IPv4 and IPv6 Special-Purpose Address Registries (iana-ipv4-special-registry and
//! iana-ipv6-special-registry, RFC 6890), the IANA multicast registries (224.0.0.0/4, ff00::/8), and RFC 4291 for what is
//! not global unicast. Beside an entry stands the RFC that made it. Embedded IPv4 addresses are judged as IPv4.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Public,
    /// This machine.
    Loopback,
    /// The operator's own networks, by what they are called.
    Private(&'static str),
    /// Nobody who could be told anything.
    Nobody(&'static str),
}

/// Judges an address, and the IPv4 address within it where a gateway would take it out.
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(v4) => of_v4(v4),
        IpAddr::V6(v6) => of_v6(v6),
    }
}

fn of_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        // RFC 1122
        [127, ..] => Reach::Loopback,
        [0, ..] => Reach::Nobody("unspecified"),
        // RFC 5771
        [224..=239, ..] => Reach::Nobody("multicast"),
        // RFC 1112, RFC 8190
        [240..=255, ..] => Reach::Nobody("reserved"),
        // RFC 1918
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Reach::Private("private"),
        // RFC 3927
        [169, 254, ..] => Reach::Private("link-local"),
        // RFC 6598
        [100, 64..=127, ..] => Reach::Private("carrier-grade NAT"),
        // RFC 2544
        [198, 18..=19, ..] => Reach::Private("benchmarking"),
        // RFC 6890, RFC 7526 (6to4 relays, deprecated)
        [192, 0, 0, _] | [192, 88, 99, _] => Reach::Private("reserved"),
        // RFC 5737
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Reach::Private("documentation"),
        _ => Reach::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Reach {
    let v4 = |high: u16, low: u16| of_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Loopback,
        [0, 0, 0, 0, 0, 0, 0, 0] => Reach::Nobody("unspecified"),
        // RFC 4291: ::ffff:a.b.c.d, and the older ::a.b.c.d; RFC 2765: ::ffff:0:a.b.c.d
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => v4(high, low),
        // NAT64: the well-known prefix (RFC 6052), and the one for local use (RFC 8215).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x64, 0xff9b, 1, ..] => Reach::Private("NAT64"),
        // 6to4 (RFC 3056). Teredo (RFC 4380) obfuscates its address, so it is not read.
        [0x2002, high, low, ..] => v4(high, low),
        [0x2001, 0, ..] => Reach::Private("Teredo"),
        // RFC 3849, RFC 9637
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Private("documentation"),
        // ORCHID and ORCHIDv2, DRIP (RFC 4843, RFC 7343, RFC 9374); discard-only (RFC 6666)
        [0x2001, 0x10..=0x3f, ..] | [0x100, 0, 0, 0, ..] => Reach::Nobody("reserved"),
        // ISATAP (RFC 5214), in any network.
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] if v4(high, low) != Reach::Public => v4(high, low),
        // RFC 4193
        [0xfc00..=0xfdff, ..] => Reach::Private("unique local"),
        // RFC 4291; RFC 3879 (deprecated)
        [0xfe80..=0xfebf, ..] => Reach::Private("link-local"),
        [0xfec0..=0xfeff, ..] => Reach::Private("site-local"),
        [0xff00..=0xffff, ..] => Reach::Nobody("multicast"),
        // RFC 4291: only 2000::/3 is assigned as global unicast.
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Nobody("reserved"),
    }
}

/// What may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The operator's own networks too, and this machine under any name.
    pub private: bool,
    /// This machine, because the URL says so itself.
    pub loopback: bool,
}

impl Rule {
    /// `Err` says what the address is.
    pub fn judge(self, address: IpAddr) -> Result<(), &'static str> {
        match reach(address) {
            Reach::Public => Ok(()),
            Reach::Loopback if self.loopback || self.private => Ok(()),
            Reach::Loopback => Err("loopback"),
            Reach::Private(_) if self.private => Ok(()),
            Reach::Private(what) | Reach::Nobody(what) => Err(what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Reach {
        reach(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_public() {
        for address in [
            "8.8.8.8",
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "169.253.1.1",
            "192.167.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2001:4860:4860::8888",
        ] {
            assert_eq!(of(address), Reach::Public, "{address}");
        }
    }

    #[test]
    fn addresses_of_ones_own_are_known_in_every_disguise() {
        for (address, what) in [
            ("10.0.0.1", "private"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.1.1", "private"),
            ("169.254.169.254", "link-local"),
            ("100.64.0.1", "carrier-grade NAT"),
            ("100.127.255.255", "carrier-grade NAT"),
            ("198.18.0.1", "benchmarking"),
            ("203.0.113.7", "documentation"),
            ("::ffff:10.0.0.1", "private"),
            ("::ffff:169.254.169.254", "link-local"),
            ("::ffff:a9fe:a9fe", "link-local"),
            ("::10.0.0.1", "private"),
            ("::ffff:0:10.0.0.1", "private"),
            ("64:ff9b::10.0.0.1", "private"),
            ("64:ff9b::169.254.169.254", "link-local"),
            ("64:ff9b:1::8.8.8.8", "NAT64"),
            ("2002:a00:1::1", "private"),
            ("2002:a9fe:a9fe::1", "link-local"),
            ("2001:0:4136:e378::1", "Teredo"),
            ("2606:4700::5efe:10.0.0.1", "private"),
            ("fd00::1", "unique local"),
            ("fc00::1", "unique local"),
            ("fd00:ec2::254", "unique local"),
            ("fe80::1", "link-local"),
            ("febf::1", "link-local"),
            ("fec0::1", "site-local"),
            ("2001:db8::1", "documentation"),
        ] {
            assert_eq!(of(address), Reach::Private(what), "{address}");
        }
    }

    #[test]
    fn loopback_is_this_machine_in_every_disguise() {
        for address in ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1"] {
            assert_eq!(of(address), Reach::Loopback, "{address}");
        }
    }

    #[test]
    fn nobody_is_reached_whatever_is_allowed() {
        let everything = Rule { private: true, loopback: true };
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "ff02::1",
            "100::1",
            "4000::1",
            "::ffff:0.0.0.0",
        ] {
            assert!(matches!(of(address), Reach::Nobody(_)), "{address}");
            assert!(everything.judge(address.parse().unwrap()).is_err(), "{address}");
        }
    }

    #[test]
    fn a_rule_allows_what_it_says() {
        let judge = |rule: Rule, address: &str| rule.judge(address.parse().unwrap());
        let (strict, local, open) = (
            Rule { private: false, loopback: false },
            Rule { private: false, loopback: true },
            Rule { private: true, loopback: false },
        );
        assert_eq!([judge(strict, "8.8.8.8"), judge(local, "8.8.8.8"), judge(open, "8.8.8.8")], [Ok(()); 3]);
        assert_eq!([judge(local, "127.0.0.1"), judge(open, "::1"), judge(open, "10.0.0.1")], [Ok(()); 3]);
        assert_eq!(judge(strict, "127.0.0.1"), Err("loopback"));
        assert_eq!(judge(local, "10.0.0.1"), Err("private"));
        assert_eq!(judge(local, "169.254.169.254"), Err("link-local"));
    }
}
