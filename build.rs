//! Generates Rust from `proto/` with a compiler that is itself Rust: no `protoc` is needed.

use prost::Message;
use std::path::{Path, PathBuf};

/// Blobs of feed entries: decoded by the core, so they are generated apart from the services.
const BLOBS: &str = "hushwire/types/v1/entry.proto";

const SERVICES: [&str; 16] = [
    "hushwire/types/v1/types.proto",
    "hushwire/local/v1/publishing.proto",
    "hushwire/local/v1/lists.proto",
    "hushwire/local/v1/screening.proto",
    "hushwire/local/v1/brake.proto",
    "hushwire/local/v1/late.proto",
    "hushwire/local/v1/feedback.proto",
    "hushwire/local/v1/cases.proto",
    "hushwire/local/v1/challenge.proto",
    "hushwire/local/v1/policy.proto",
    "hushwire/local/v1/oversight.proto",
    "hushwire/local/v1/node.proto",
    "hushwire/local/v1/profiles.proto",
    "hushwire/local/v1/users.proto",
    "hushwire/peer/v1/exchange.proto",
    "hushwire/compliance/v1/compliance.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let blobs = out.join("blobs");
    let services = out.join("services");
    std::fs::create_dir_all(&blobs)?;
    std::fs::create_dir_all(&services)?;

    prost_build::Config::new().out_dir(blobs).compile_fds(protox::compile([BLOBS], [Path::new("proto")])?)?;
    let descriptors = protox::compile(SERVICES, [Path::new("proto")])?;
    // The table of who may call what is checked against these, method by method.
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes(".hushwire.peer.v1")
        // The messages that hold a raw identifier, a code or the secret of an authenticator wipe it, wherever it is dropped, and shows nothing of it.
        .skip_debug([
            ".hushwire.local.v1.Identifier",
            ".hushwire.local.v1.AnswerChallengeRequest",
            ".hushwire.local.v1.EnrolTotpResponse",
            ".hushwire.local.v1.CreateUserResponse",
            ".hushwire.local.v1.ResetUserResponse",
        ])
        .type_attribute(".hushwire.local.v1.Identifier", "#[derive(zeroize::Zeroize, zeroize::ZeroizeOnDrop)]")
        .type_attribute(
            ".hushwire.local.v1.AnswerChallengeRequest",
            "#[derive(zeroize::Zeroize, zeroize::ZeroizeOnDrop)]",
        )
        .type_attribute(".hushwire.local.v1.EnrolTotpResponse", "#[derive(zeroize::Zeroize, zeroize::ZeroizeOnDrop)]")
        .type_attribute(".hushwire.local.v1.CreateUserResponse", "#[derive(zeroize::Zeroize, zeroize::ZeroizeOnDrop)]")
        .type_attribute(".hushwire.local.v1.ResetUserResponse", "#[derive(zeroize::Zeroize, zeroize::ZeroizeOnDrop)]")
        .field_attribute(".hushwire.local.v1.CreateUserResponse.user", "#[zeroize(skip)]")
        .field_attribute(".hushwire.local.v1.ResetUserResponse.user", "#[zeroize(skip)]")
        .out_dir(services)
        .compile_fds(descriptors)?;
    Ok(())
}
