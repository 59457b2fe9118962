//! Which addresses a client may connect to.
//!
//! Where somebody other than the operator chooses base URLs (a tenant's admin, say), a name could lead into
//! the operator's own network, or to the metadata service of its cloud. The rule is about addresses, not
//! names, and it is asked for each connection after the name was resolved: what a name pointed to when it was
//! checked does not matter.

pub use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// Which addresses a client may connect to.
///
/// Behind a proxy it is the proxy that resolves names. The guard then sees the proxy's address, and that of a
/// provider only where its URL has an address in place of a name; the proxy has to do the rest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AddressGuard {
    /// All.
    #[default]
    Open,
    /// All but those that are not for everybody: loopback, private networks (RFC 1918, RFC 4193), link-local
    /// ones with the cloud's metadata service, carrier-grade NAT (RFC 6598), multicast and the unspecified
    /// address, also where an IPv6 address wraps one of them.
    DenyPrivate {
        /// Networks that may be connected to all the same, a private proxy's for instance.
        except: Vec<IpNet>,
    },
}

impl AddressGuard {
    /// What keeps this address from being connected to: `a private network`.
    pub(crate) fn objection(&self, address: IpAddr) -> Option<&'static str> {
        let Self::DenyPrivate { except } = self else { return None };
        // 10.0.0.1 as ::ffff:10.0.0.1 is the same machine, for the rule and for its exceptions.
        let seen = unwrapped(address);
        if except.iter().any(|network| network.contains(&address) || network.contains(&seen)) {
            return None;
        }
        match seen {
            IpAddr::V4(address) => objection_v4(address),
            IpAddr::V6(address) => objection_v6(address),
        }
    }

    /// The same for a URL whose host is an address: no name is resolved for it.
    pub(crate) fn objection_to(&self, url: &Url) -> Option<(IpAddr, &'static str)> {
        let address = match url.host()? {
            Host::Domain(_) => return None,
            Host::Ipv4(address) => IpAddr::V4(address),
            Host::Ipv6(address) => IpAddr::V6(address),
        };
        self.objection(address).map(|kind| (address, kind))
    }
}

fn objection_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    Some(match (a, b, c) {
        // RFC 1122 section 3.2.1.3: "this" network; many systems take it as themselves.
        (0, ..) => "the unspecified address",
        (127, ..) => "loopback",
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => "a private network",
        // 169.254.169.254 is the metadata service of most clouds, credentials included.
        (169, 254, _) => "link-local",
        (100, 64..=127, _) => "carrier-grade NAT",
        // RFC 6890, RFC 2544: protocol assignments and benchmarks, neither of which a provider has. Oracle's
        // cloud has its metadata service in the first.
        (192, 0, 0) | (198, 18 | 19, _) => "a network for special purposes",
        (224..=239, ..) => "multicast",
        (240.., ..) => "reserved",
        _ => return None,
    })
}

fn objection_v6(address: Ipv6Addr) -> Option<&'static str> {
    let [first, second, ..] = address.segments();
    Some(match first {
        _ if address.is_unspecified() => "the unspecified address",
        _ if address.is_loopback() => "loopback",
        0xfc00..=0xfdff => "a private network",
        // fec0::/10 is what private networks were before RFC 3879.
        0xfec0..=0xfeff => "a private network",
        0xfe80..=0xfebf => "link-local",
        0xff00.. => "multicast",
        // RFC 8215: translation inside a network; where the IPv4 address stands is that network's choice.
        0x64 if second == 0xff9b => "a network for special purposes",
        // RFC 4380: Teredo hides an IPv4 address behind a bit mask, and nobody serves SCIM over it.
        0x2001 if second == 0 => "a network for special purposes",
        _ => return None,
    })
}

/// The IPv4 address that an IPv6 address stands for, if it does.
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b, c, d, e, f) {
        // Mapped (RFC 4291 section 2.5.5.2), compatible (2.5.5.1) and translated (RFC 2765).
        (0, 0, 0, 0, 0, 0xffff) | (0, 0, 0, 0, 0xffff, 0) => v4(g, h),
        (0, 0, 0, 0, 0, 0) if !(v6.is_loopback() || v6.is_unspecified()) => v4(g, h),
        // NAT64 (RFC 6052 section 2.1).
        (0x64, 0xff9b, 0, 0, 0, 0) => v4(g, h),
        // 6to4 (RFC 3056 section 2).
        (0x2002, high, low, ..) => v4(high, low),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(except: &[&str]) -> AddressGuard {
        AddressGuard::DenyPrivate { except: except.iter().map(|network| network.parse().unwrap()).collect() }
    }

    #[test]
    fn what_is_not_for_everybody_is_refused_in_every_guise() {
        for (address, kind) in [
            ("127.0.0.1", "loopback"),
            ("127.8.9.10", "loopback"),
            ("::1", "loopback"),
            ("10.1.2.3", "a private network"),
            ("172.16.0.1", "a private network"),
            ("172.31.255.255", "a private network"),
            ("192.168.0.1", "a private network"),
            ("fd00:ec2::254", "a private network"),
            ("fec0::1", "a private network"),
            ("169.254.169.254", "link-local"),
            ("fe80::1", "link-local"),
            ("100.64.0.1", "carrier-grade NAT"),
            ("100.100.100.200", "carrier-grade NAT"),
            ("192.0.0.192", "a network for special purposes"),
            ("198.19.0.1", "a network for special purposes"),
            ("224.0.0.1", "multicast"),
            ("ff02::1", "multicast"),
            ("0.0.0.0", "the unspecified address"),
            ("::", "the unspecified address"),
            ("255.255.255.255", "reserved"),
            ("::ffff:10.0.0.1", "a private network"),
            ("::ffff:0:10.0.0.1", "a private network"),
            ("::127.0.0.1", "loopback"),
            ("64:ff9b::169.254.169.254", "link-local"),
            ("64:ff9b:1::1", "a network for special purposes"),
            ("2002:7f00:1::", "loopback"),
            ("2001::1", "a network for special purposes"),
        ] {
            assert_eq!(guard(&[]).objection(address.parse().unwrap()), Some(kind), "{address}");
            assert_eq!(AddressGuard::Open.objection(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn what_is_for_everybody_is_not() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.169.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "169.253.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:db8::1",
            "64:ff9b::1.1.1.1",
            "::ffff:1.1.1.1",
        ] {
            assert_eq!(guard(&[]).objection(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn an_exception_holds_for_its_network_in_every_guise() {
        let guard = guard(&["10.1.0.0/16", "fd00::/8"]);
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1"] {
            assert_eq!(guard.objection(address.parse().unwrap()), None, "{address}");
        }
        assert!(guard.objection("10.2.0.1".parse().unwrap()).is_some());
    }

    #[test]
    fn an_address_in_a_url_is_seen_however_it_is_written() {
        for url in
            ["https://127.1/", "https://0x7f000001/", "https://2130706433/", "https://[::ffff:7f00:1]/"]
        {
            assert!(guard(&[]).objection_to(&url.parse().unwrap()).is_some(), "{url}");
        }
        assert!(guard(&[]).objection_to(&"https://acme.example/".parse().unwrap()).is_none());
    }
}
