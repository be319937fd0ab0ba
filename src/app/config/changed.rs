//! What of a configuration is another now than what the node was started with. A running node takes none of it up.

use crate::app::config::Config;

impl Config {
    /// The settings that differ, as the file names them. Values are not told: they may be secrets.
    pub fn changed(&self, now: &Self) -> Vec<&'static str> {
        // Taken apart, so that nothing new is forgotten here.
        let Self {
            file: _,
            member,
            dir,
            local_listen,
            local_calls,
            local_tokens,
            peer_listen,
            keystore,
            passphrase,
            console,
            feed,
            screening,
            audit_window_ms,
            cases,
            challenge,
            late,
            brake,
            statistics,
            policy,
            guard_dir,
            typology_file,
            advice,
            views,
            metrics_listen,
            traces,
            snapshot,
            log_level,
            log_format,
            profiles,
            webhooks,
        } = self;
        let differs = [
            ("node.member", *member != now.member),
            ("node.dir", *dir != now.dir),
            ("local.listen", *local_listen != now.local_listen),
            ("local.max_calls", *local_calls != now.local_calls),
            ("local.tokens", *local_tokens != now.local_tokens),
            ("peer.listen", *peer_listen != now.peer_listen),
            ("keystore.path", *keystore != now.keystore),
            ("keystore.passphrase", *passphrase != now.passphrase),
            ("console", *console != now.console),
            ("feed", *feed != now.feed),
            ("screening", *screening != now.screening),
            ("audit.window_ms", *audit_window_ms != now.audit_window_ms),
            ("cases", *cases != now.cases),
            ("challenge", *challenge != now.challenge),
            ("late", *late != now.late),
            ("brake", *brake != now.brake),
            ("statistics", *statistics != now.statistics),
            ("policy", *policy != now.policy),
            ("guard.dir", *guard_dir != now.guard_dir),
            ("typology.file", *typology_file != now.typology_file),
            ("advice", *advice != now.advice),
            ("storage.views", *views != now.views),
            ("metrics.listen", *metrics_listen != now.metrics_listen),
            ("traces", *traces != now.traces),
            ("storage.snapshot", *snapshot != now.snapshot),
            ("log.level", *log_level != now.log_level),
            ("log.format", *log_format != now.log_format),
            ("profiles", *profiles != now.profiles),
            ("webhooks", *webhooks != now.webhooks),
        ];
        differs.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::app::config::reader::Environment;

    #[test]
    fn what_differs_is_named_as_the_file_names_it() {
        let parse = |more: &str| {
            let text = format!("[node]\nmember = \"bank-a\"\n{more}");
            Config::parse(&text, Path::new("hushwire.toml"), Path::new("/srv/node"), Environment::new()).expect("valid")
        };
        let started = parse("");
        assert_eq!(started.changed(&parse("[local]\nmax_calls = 1024\n[log]\nlevel = \"info\"")), [""; 0]);
        let now = parse("[local]\ntokens = true\n[feed]\nwindow_ms = 5\n[storage]\nsnapshot = false");
        assert_eq!(started.changed(&now), ["local.tokens", "feed", "storage.snapshot"]);
        assert_eq!(now.changed(&started), ["local.tokens", "feed", "storage.snapshot"]);
    }
}
