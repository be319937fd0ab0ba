//! Where the console listens, and what it shows to browsers.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::app::config::layout::NodeDir;
use crate::app::config::reader::Reader;

/// The console's listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleConfig {
    pub listen: SocketAddr,
    /// The certificate of the local listener where none.
    pub certificate: Option<CertificateFiles>,
}

/// A certificate that was not made by `hushwire cert`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    pub chain: PathBuf,
    pub key: PathBuf,
}

/// `others` are the addresses that are taken.
pub fn read(reader: &mut Reader, dir: &NodeDir, others: [Option<SocketAddr>; 3]) -> Option<ConsoleConfig> {
    let in_dir = |file: PathBuf| dir.path().join(file);
    let listen = reader.optional("console.listen", "an IP address with port, e.g. \"127.0.0.1:7443\"");
    let chain = reader.optional("console.certificate", "a path").map(in_dir);
    let key = reader.optional("console.key", "a path").map(in_dir);
    let certificate = match (chain, key) {
        (Some(chain), Some(key)) => Some(CertificateFiles { chain, key }),
        (None, None) => None,
        (Some(_), None) => {
            reader.fault("console.key", "is missing: console.certificate needs its private key");
            None
        }
        (None, Some(_)) => {
            reader.fault("console.certificate", "is missing: console.key needs its certificate");
            None
        }
    };
    let listen: SocketAddr = listen?;
    if listen.port() != 0 && others.contains(&Some(listen)) {
        reader.fault("console.listen", "must differ from local.listen, peer.listen and metrics.listen");
    }
    Some(ConsoleConfig { listen, certificate })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::app::config::{Config, ConfigError};

    fn parse(keys: &str) -> Result<Config, ConfigError> {
        let text = format!("[node]\nmember = \"a\"\n[metrics]\nlisten = \"127.0.0.1:7442\"\n[console]\n{keys}");
        Config::parse(&text, Path::new("hushwire.toml"), Path::new("/srv/node"), Vec::new().into_iter().collect())
    }

    #[test]
    fn the_console_listens_where_it_is_told_and_nowhere_else() {
        let console = |keys| parse(keys).expect("valid").console;
        assert_eq!(console(""), None);
        let plain = console("listen = \"0.0.0.0:7443\"").expect("it listens");
        assert_eq!((plain.listen.port(), plain.certificate), (7443, None));
        let own =
            console("listen = \"[::1]:7443\"\ncertificate = \"c.pem\"\nkey = \"/run/k.pem\"").expect("it listens");
        let files = own.certificate.expect("both are given");
        assert_eq!(
            (files.chain.as_path(), files.key.as_path()),
            (Path::new("/srv/node/c.pem"), Path::new("/run/k.pem"))
        );
    }

    #[test]
    fn half_a_certificate_and_a_taken_address_are_faults() {
        let check = |keys: &str, part: &str| {
            let said = parse(keys).expect_err(keys).to_string();
            assert!(said.contains(part), "{part:?} is missing in {said}");
        };
        check("listen = \"127.0.0.1:7443\"\ncertificate = \"c.pem\"", "console.key: is missing");
        check("listen = \"127.0.0.1:7443\"\nkey = \"k.pem\"", "console.certificate: is missing");
        check("listen = \"127.0.0.1:7440\"", "console.listen: must differ");
        check("listen = \"127.0.0.1:7442\"", "console.listen: must differ");
        check("listen = \"localhost\"", "must be an IP address with port");
    }
}
