//! Applies a configuration that was read: whole, or not at all.

use super::handle::Reloaded;
use super::reload::Loaded;
use super::{Daemon, tasks};
use crate::clock;
use model::api::{Reload, ReloadedBy};
use model::config::Config;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

impl Daemon {
    /// The files were read.
    pub(super) fn loaded(&mut self, loaded: Loaded) {
        let Loaded { by, result, replies } = loaded;
        let taken = result.map_err(|why| why.to_string()).and_then(|config| self.permit(config));
        let reloaded = match taken {
            Ok(config) => self.apply_config(*config, by),
            Err(error) => self.refuse(by, error),
        };
        for reply in replies {
            // Whoever asked may have gone.
            let _ = reply.send(reloaded.clone());
        }
    }

    /// Refuses changes that need a restart: `listen`, `state_dir`.
    fn permit(&self, config: Box<Config>) -> Result<Box<Config>, String> {
        let (now, then) = (&self.config.daemon, &config.daemon);
        let fixed = [
            ("listen", now.listen != then.listen),
            ("state_dir", !self.state_dir_is_given && now.state_dir != then.state_dir),
        ];
        match fixed.iter().find(|(_, changed)| *changed) {
            Some((key, _)) => Err(format!(
                "`daemon.{key}` has changed, which a reload cannot carry out: restart the daemon, or put the old value back"
            )),
            None => Ok(config),
        }
    }

    fn apply_config(&mut self, config: Config, by: ReloadedBy) -> Reloaded {
        let now = clock::now();
        let config = Arc::new(config);
        let (before, after) = (fingerprints(&self.config), fingerprints(&config));
        let added = after.keys().filter(|name| !before.contains_key(*name)).cloned().collect();
        let removed = before.keys().filter(|name| !after.contains_key(*name)).cloned().collect();
        let changed = after.iter().filter(|(name, now)| before.get(*name).is_some_and(|then| then != *now));
        let reloaded =
            Reloaded { error: None, added, changed: changed.map(|(name, _)| name.clone()).collect(), removed };
        let paths = self.reloader.paths().to_vec();
        let warnings = warnings(&config, now);
        for warning in warnings.iter().filter(|warning| !self.reload.warnings.contains(warning)) {
            tracing::warn!("{warning}");
        }
        let paths = paths.iter().map(|path| path.display().to_string()).collect();
        let succeeded = Some(now);
        self.reload = Reload { at: now, by, ok: true, error: None, succeeded, last_good: false, warnings, paths };
        self.history.counters.reloads_succeeded += 1;
        tracing::info!(
            by = by.as_str(),
            added = reloaded.added.len(),
            changed = reloaded.changed.len(),
            removed = reloaded.removed.len(),
            "the configuration is in force"
        );
        self.connections.renew(&config.endpoints);
        self.reloader.set_watch(config.daemon.watch);
        self.config = config.clone();
        self.in_force.send_replace(config);
        self.keep_good();
        let actions = self.scheduler.reconfigure(tasks(&self.config), by, now);
        self.act(actions);
        self.tick();
        reloaded
    }

    fn refuse(&mut self, by: ReloadedBy, error: String) -> Reloaded {
        tracing::error!(
            by = by.as_str(),
            "the configuration was not reloaded, the one before stays in force:\n{error}"
        );
        self.history.counters.reloads_failed += 1;
        let (at, error) = (clock::now(), Some(error));
        self.reload = Reload { at, by, ok: false, error: error.clone(), ..self.reload.clone() };
        Reloaded { error, added: Vec::new(), changed: Vec::new(), removed: Vec::new() }
    }

    /// Stores the configuration as the last good one, for a start with bad files.
    pub(super) fn keep_good(&self) {
        let (sources, now) = (self.config.sources.clone(), clock::now());
        self.writer.write("the last good configuration", move |journal| journal.set_last_good(&sources, now));
    }
}

fn fingerprints(config: &Config) -> BTreeMap<Arc<str>, String> {
    config.profiles.values().map(|profile| (profile.name.clone(), config.fingerprint(profile))).collect()
}

/// What is legal and worth a second look, in words.
pub(super) fn warnings(config: &Config, now: DateTime<Utc>) -> Vec<String> {
    config.warnings.iter().chain(&config.zone_warnings(now)).map(ToString::to_string).collect()
}
