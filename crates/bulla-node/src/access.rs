//! The rights a configuration gives (NODE-20 to NODE-26).

use bulla_server::AccessRules;

use crate::config::{Config, SpacePattern};

/// The list of who may do what.
#[must_use]
pub fn rules(config: &Config) -> AccessRules {
    let mut rules = AccessRules::new();
    for space in &config.spaces {
        if let SpacePattern::One(id) = space.id.get_ref() {
            // Its own list alone counts, also when it is empty.
            rules.close(*id);
        }
        for allow in &space.allow {
            match space.id.get_ref() {
                SpacePattern::One(id) => rules.allow(*id, allow.peer.0, allow.rights()),
                SpacePattern::Every => rules.allow_everywhere(allow.peer.0, allow.rights()),
            };
        }
    }
    rules
}
