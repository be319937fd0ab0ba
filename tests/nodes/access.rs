//! Callers who lose their access while the node runs.

use std::time::Duration;

use rustls::AlertDescription;
use tonic::Code;

use crate::caller::{RUNTIME, endless_screening};
use crate::consortium::Consortium;
use crate::doors::call;
use crate::matrix::knock::{Shown, knock};
use crate::node::{Node, wait};

const STATUS: &str = "/hushwire.local.v1.NodeService/GetStatus";
const REQUEST: &[u8] = b"GET /v1/status HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n";

/// The certificate in a client's folder.
pub fn shown(node: &Node, role: &str) -> Shown {
    let folder = node.home.identity(role);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("issued");
    Shown::pem(read("cert.pem"), read("key.pem"))
}

#[test]
fn a_revoked_caller_is_out_within_a_second_and_a_new_certificate_lets_it_in_again() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.until_ready();
    let (operator, auditor) = (a.channel("operator"), a.channel("auditor"));
    assert_eq!(call(&operator, STATUS).code(), Code::Ok);
    assert_eq!(call(&auditor, STATUS).code(), Code::Ok);
    let stolen = shown(&a, "operator");
    let mut stream = endless_screening(&a);

    consortium.succeed("cert revoke operator desk --dir bank-a");
    consortium.succeed("cert revoke screener desk --dir bank-a");
    wait("the stolen certificate is refused", || {
        (knock(a.local, &stolen, b"http/1.1", REQUEST) == Err(AlertDescription::CertificateRevoked)).then_some(())
    });
    wait("its open connection has ended", || (call(&operator, STATUS).code() != Code::Ok).then_some(()));
    let ended = RUNTIME.block_on(async {
        let ended = async { while let Ok(Some(_)) = stream.message().await {} };
        tokio::time::timeout(Duration::from_secs(10), ended).await
    });
    ended.expect("a stream of a revoked caller ends with its connection");
    assert_eq!(call(&auditor, STATUS).code(), Code::Ok, "others are not touched");
    let listed = consortium.succeed("cert list --dir bank-a").stdout;
    let row = listed.lines().find(|line| line.contains("operator-desk")).expect("listed");
    assert!(row.contains("revoked"), "{listed}");
    let examined = consortium.run(&["doctor", "--config", "bank-a/hushwire.toml"]).stdout;
    assert!(examined.contains("operator-desk/cert.pem is revoked"), "{examined}");

    consortium.succeed("cert issue operator desk --dir bank-a --replace");
    assert_eq!(call(&a.channel("operator"), STATUS).code(), Code::Ok);
    assert_eq!(knock(a.local, &stolen, b"http/1.1", REQUEST), Err(AlertDescription::CertificateRevoked));
    // It holds over a restart, and a folder that cannot be read lets nobody's revocation lapse.
    a.kill();
    let a = consortium.start("bank-a");
    assert_eq!(knock(a.local, &stolen, b"http/1.1", REQUEST), Err(AlertDescription::CertificateRevoked));
    let file = a.home.path().join("access/revoked/operator-desk.json");
    std::fs::write(&file, "{").expect("written");
    wait("it is told", || std::fs::read_to_string(a.home.log()).ok()?.contains("access.kept").then_some(()));
    assert_eq!(knock(a.local, &stolen, b"http/1.1", REQUEST), Err(AlertDescription::CertificateRevoked));
    a.kill();
    let Err(said) = consortium.home("bank-a").start() else { panic!("a node started without its revocations") };
    assert!(
        said.stderr.contains("operator-desk.json") && said.stderr.contains("hushwire cert revoke"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_revocation_in_no_nodes_folder_is_refused() {
    let consortium = Consortium::found(&[]);
    let said = consortium.run(&["cert", "revoke", "operator", "ann", "--dir", "nowhere"]);
    assert!(said.code == 1 && said.stderr.contains("is no node's folder"), "{}", said.stderr);
    assert!(!consortium.path().join("nowhere").exists());
}

#[test]
fn who_is_revoked_is_out_while_the_nodes_own_certificate_cannot_be_read() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.until_ready();
    let stolen = shown(&a, "operator");
    std::fs::write(a.home.path().join("tls/server.pem"), "in the middle of a change").expect("written");
    consortium.succeed("cert revoke operator desk --dir bank-a");
    wait("the stolen certificate is refused", || {
        (knock(a.local, &stolen, b"http/1.1", REQUEST) == Err(AlertDescription::CertificateRevoked)).then_some(())
    });
    assert_eq!(call(&a.channel("auditor"), STATUS).code(), Code::Ok, "others are let in");
}
