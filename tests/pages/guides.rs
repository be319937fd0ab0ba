//! The guides for clients, in other people's tools: `curl` with `jq`, Python and Java with the public gRPC packages.

use std::path::Path;

use crate::typed::type_page;

const PORTS: [&str; 2] = ["7440", "7441"];

#[test]
fn a_checkout_is_connected_with_curl_as_the_guide_says() {
    type_page(include_str!("../../docs/guides/curl.md"), &PORTS, &["node.log"], &[]);
}

#[test]
fn a_checkout_is_connected_with_python_as_the_guide_says() {
    let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
    type_page(include_str!("../../docs/guides/python.md"), &PORTS, &["node.log"], &[("PROTO", proto)]);
}

#[test]
fn a_checkout_is_connected_with_java_as_the_guide_says() {
    if !Path::new("/usr/share/java/grpc-netty.jar").exists() {
        assert!(std::env::var_os("CI").is_none(), "no Java libraries: .ci/tools java");
        eprintln!("not run: Debian's Java libraries are missing (.ci/tools java)");
        return;
    }
    // Maven's stand-in comes before Maven.
    let stand_in = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pages/java");
    let binary = Path::new(env!("CARGO_BIN_EXE_hushwire")).parent().expect("in a folder");
    let path = format!("{stand_in}:{}:{}", binary.display(), std::env::var("PATH").expect("a path"));
    let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
    let environment = [("PROTO", proto), ("PATH", path.as_str()), ("LD_LIBRARY_PATH", "target/native")];
    type_page(include_str!("../../docs/guides/java.md"), &PORTS, &["node.log"], &environment);
}
