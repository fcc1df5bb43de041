//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// One place for every connection; those of one address are few.
#[derive(Debug)]
pub(crate) struct Places {
    per_address: usize,
    taken: Mutex<HashMap<Network, usize>>,
}

/// What counts as one address: an IPv4 address, or the /64 that one IPv6 customer commonly has to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Network {
    V4([u8; 4]),
    V6([u16; 4]),
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

/// A place taken; free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    network: Network,
}

impl Places {
    pub(crate) fn new(per_address: usize) -> Arc<Self> {
        Arc::new(Self { per_address, taken: Mutex::new(HashMap::new()) })
    }

    /// A place for a connection from this address, or `None` when it has all it may.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let network = Network::from(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(network).or_insert(0);
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Place { places: Arc::clone(self), network })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                // Or the map would grow by every address that ever came.
                taken.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_the_places_of_another() {
        let places = Places::new(2);
        let first: IpAddr = "192.0.2.1".parse().unwrap();
        let second: IpAddr = "192.0.2.2".parse().unwrap();
        let held = [places.take(first).unwrap(), places.take(first).unwrap()];
        assert!(places.take(first).is_none());
        assert!(places.take(second).is_some());
        drop(held);
        assert!(places.take(first).is_some());
        assert!(places.taken.lock().unwrap().is_empty(), "free addresses are forgotten");
    }

    #[test]
    fn an_ipv6_network_and_a_mapped_ipv4_address_count_as_one() {
        let places = Places::new(1);
        let _one = places.take("2001:db8::1".parse().unwrap()).unwrap();
        assert!(places.take("2001:db8::ffff:2".parse().unwrap()).is_none());
        assert!(places.take("2001:db8:0:1::1".parse().unwrap()).is_some());
        let _four = places.take("192.0.2.1".parse().unwrap()).unwrap();
        assert!(places.take("::ffff:192.0.2.1".parse().unwrap()).is_none());
    }
}
