//! What a command shows with each of its calls: its certificate with the connection, or a token with the call.

use std::path::Path;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};
use zeroize::Zeroizing;

use crate::app::outcome::CliError;
use crate::app::output::remark;
use crate::io::access::token::Token;
use crate::io::keystore::file;

/// Bytes of a file with a token: the token, and room for blank lines around it.
const TOKEN_FILE_BYTES: u64 = 4 * 1024;

/// A channel on which each call says who makes it.
pub type CallChannel = InterceptedService<Channel, Shown>;

/// Adds the token, where one stands for the certificate.
#[derive(Clone)]
pub struct Shown(Option<MetadataValue<Ascii>>);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Shown(token)" } else { "Shown(certificate)" })
    }
}

impl Interceptor for Shown {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(header) = &self.0 {
            request.metadata_mut().insert("authorization", header.clone());
        }
        Ok(request)
    }
}

/// For a connection that shows a certificate.
pub fn certified(channel: Channel) -> CallChannel {
    InterceptedService::new(channel, Shown(None))
}

/// For calls that show a token.
pub fn with_token(channel: Channel, token: &Token) -> CallChannel {
    let header = Zeroizing::new(format!("Bearer {}", token.reveal().as_str()));
    let mut header: MetadataValue<Ascii> = header.parse().expect("a token is plain ASCII");
    // Kept out of logs and of the compression table of the connection.
    header.set_sensitive(true);
    InterceptedService::new(channel, Shown(Some(header)))
}

/// Reads the token that stands alone in a file.
pub fn read_token(path: &Path) -> Result<Token, CliError> {
    let content = file::read_at_most(path, TOKEN_FILE_BYTES).map_err(|error| CliError::usage(error.to_string()))?;
    let content = Zeroizing::new(content);
    if let Some(mode) = file::open_to_others(path) {
        remark(format!(
            "{} may be read by others (mode {mode:o}), and whoever reads a token has it: chmod 600",
            path.display()
        ));
    }
    Token::parse(content.trim_ascii()).map_err(|error| {
        CliError::usage(format!("{} holds no token: {error}", path.display()))
            .hint("the file holds what hushwire token issue printed, and nothing else")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_one_token_and_what_is_none_is_not_repeated() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        let token = Token::generate();
        let text = token.reveal();
        std::fs::write(&file, format!("\n{}\r\n", text.as_str())).expect("written");
        assert_eq!(read_token(&file).expect("one token").hash(), token.hash());
        for wrong in [format!("{0}\n{0}", text.as_str()), "hunter2".to_owned(), String::new(), "x".repeat(5_000)] {
            std::fs::write(&file, &wrong).expect("written");
            let refused = read_token(&file).expect_err("no token").message;
            assert!(!refused.contains("hunter2") && !refused.contains(text.as_str()), "{refused}");
        }
        read_token(&folder.path().join("absent")).expect_err("no file");
    }
}
