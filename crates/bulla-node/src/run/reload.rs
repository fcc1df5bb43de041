//! Taking up a changed configuration without dropping a client (NODE-55).

use tracing::{error, info, warn};

use super::{Node, open_cache, origins};
use crate::config::{Config, Mode};
use crate::error::{Chain, NodeError};

impl Node {
    /// Reads the configuration again. A file that cannot be used changes nothing. Otherwise rights come first, so that one
    /// taken away is gone even if something else of the new configuration does not work.
    pub async fn reload(&mut self) {
        let config = match self.source.load() {
            Ok(config) => config,
            Err(error) => {
                error!(error = %Chain(&error), "configuration not reloaded: everything stays as it was");
                return;
            }
        };
        self.access.replace(&config);
        if let Some(log) = &self.log {
            log.set_level(config.log.level);
        }
        self.service.set_origins(origins(&config.listen, self.listen));
        for part in needs_restart(&self.config, &config) {
            warn!(part, "a change of this takes a restart");
        }
        if let Err(error) = self.open_first_cache(&config).await {
            error!(error = %Chain(&error), "there is nothing for caches to keep what they hold in");
        }
        if config.has(Mode::Relay) && self.disk.is_none() {
            error!("there is no database open for the relays: restart the node");
        } else if let Err(error) = self.stacks.reconfigure(&config) {
            error!(error = %Chain(&error), "spaces and upstreams stay as they were");
        } else if let Err(error) = self.stacks.begin().await {
            error!(error = %Chain(&error), "a space could not be taken into use");
        }
        if let Some(tls) = &self.tls
            && let Err(error) = tls.reload()
        {
            error!(error = %Chain(&error), "the certificate stays as it was");
        }
        self.config = config;
        info!("configuration reloaded");
    }

    /// A node that had no cache may get one.
    async fn open_first_cache(&self, config: &Config) -> Result<(), NodeError> {
        if !self.stacks.has_cache()
            && let Some(storage) = open_cache(config).await?
        {
            self.stacks.set_cache(storage);
        }
        Ok(())
    }
}

fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let changed = [
        ("listen.address", old.listen.address.get_ref() != new.listen.address.get_ref()),
        ("listen.certificate", old.listen.certificate != new.listen.certificate),
        ("listen.private_key", old.listen.private_key != new.listen.private_key),
        ("admin", old.admin != new.admin),
        ("key_file", old.key_file != new.key_file),
        ("data_dir", old.data_dir != new.data_dir),
        ("disk", old.disk != new.disk),
        ("cache", old.cache.get_ref() != new.cache.get_ref()),
        ("http", old.http.get_ref() != new.http.get_ref()),
        ("service", old.service.get_ref() != new.service.get_ref()),
        ("mailbox", old.mailbox.get_ref() != new.mailbox.get_ref()),
        ("log.format", old.log.format != new.log.format),
    ];
    changed.into_iter().filter(|(_, is_changed)| *is_changed).map(|(part, _)| part).collect()
}
