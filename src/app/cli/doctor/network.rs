//! The network: ports, the running node, peers.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::app::cli::client::{ClientArgs, block_on, reachable};
use crate::app::cli::doctor::{Findings, Patient, certificates};
use crate::app::cli::serve::listen_advice;
use crate::app::cli::status;
use crate::app::output::counted;
use crate::domain::roster::verified::Roster;
use crate::io::grpc::wire::hushwire::local::v1::GetStatusResponse;

/// Longest wait for one peer.
const CONNECT: Duration = Duration::from_secs(3);

pub(super) fn examine(patient: &Patient<'_>, roster: Option<&Roster>, findings: &mut Findings) {
    let config = patient.config;
    let console = config.console.as_ref().map(|console| console.listen);
    let others = [("peer", Some(config.peer_listen)), ("metrics", config.metrics_listen), ("console", console)];
    let others = others.into_iter().filter_map(|(section, address)| Some((section, address?)));
    match listen(config.local_listen) {
        Ok(()) => {
            findings.ok("ports", format!("local {} is free: the node does not run", config.local_listen));
            others.for_each(|(section, address)| port(patient, section, address, findings));
        }
        Err(ErrorKind::AddrInUse) => running(patient, findings),
        Err(_) => [("local", config.local_listen)]
            .into_iter()
            .chain(others)
            .for_each(|(section, address)| port(patient, section, address, findings)),
    }
    if let Some(roster) = roster {
        peers(patient, roster, findings);
    }
}

/// Whether an address can be listened on.
fn listen(address: SocketAddr) -> Result<(), ErrorKind> {
    TcpListener::bind(address).map(drop).map_err(|error| error.kind())
}

fn port(patient: &Patient<'_>, section: &str, address: SocketAddr, findings: &mut Findings) {
    match listen(address) {
        Ok(()) => {}
        Err(ErrorKind::AddrInUse) => {
            let found = format!("{section} {address} is taken by another program");
            findings.fault("ports", found, another_port(patient, section, address));
        }
        Err(kind) => {
            let found = format!("{section} {address} cannot be listened on: {kind}");
            findings.fault("ports", found, listen_advice(&format!("{section}.listen"), kind));
        }
    }
}

fn another_port(patient: &Patient<'_>, section: &str, address: SocketAddr) -> String {
    let file = patient.file.display();
    format!("see who listens: ss -ltnp 'sport = :{}'; or set listen under [{section}] in {file}", address.port())
}

/// Something listens on the local port: this node, or a stranger.
fn running(patient: &Patient<'_>, findings: &mut Findings) {
    let address = patient.config.local_listen;
    let client = ClientArgs { config: Some(patient.file.to_owned()), endpoint: None, identity: None, token_file: None };
    match block_on(status::ask(&client)) {
        Ok(status) if status.member == patient.config.member.as_str() => state(&status, findings),
        Ok(status) => {
            let found = format!("the node of {} answers on {address}", status.member);
            findings.fault("ports", found, another_port(patient, "local", address));
        }
        Err(error) if certificates::server_ended(patient).is_some() => {
            let found = format!(
                "what listens on {} does not answer, which a node with an ended certificate cannot: {}",
                reachable(address),
                error.message
            );
            let mend = "mend its certificate as said above, then let the node take it up: kill -HUP its process";
            findings.fault("node", found, mend);
        }
        Err(error) => {
            let found =
                format!("{} is taken, and what listens there does not answer: {}", reachable(address), error.message);
            findings.fault("ports", found, another_port(patient, "local", address));
        }
    }
}

fn state(status: &GetStatusResponse, findings: &mut Findings) {
    let found = format!("{}, {} believed", status.state, counted(status.believed, "indicator", "indicators"));
    if status.state == "ready" {
        findings.ok("node", found);
    } else {
        findings.warning("node", format!("{found}: {}", status.state_detail), "hushwire status shows how it goes on");
    }
    for alarm in &status.alarms {
        findings.warning("node", alarm, "hushwire status; hushwire audit list");
    }
    for peer in status.peers.iter().filter(|peer| !peer.last_failure.is_empty() && peer.state != "connected") {
        let found = format!("{} is {}: {}", peer.member, peer.state, peer.last_failure);
        findings.warning("peers", found, format!("ask {} whether its node runs", peer.member));
    }
}

fn peers(patient: &Patient<'_>, roster: &Roster, findings: &mut Findings) {
    for member in roster.peers_of(&patient.config.member) {
        let reached = member.endpoints.iter().find(|endpoint| connects(endpoint.host(), endpoint.port()));
        match reached {
            Some(endpoint) => findings.ok("peers", format!("{} is reached at {endpoint}", member.id)),
            None => {
                let endpoints: Vec<&str> = member.endpoints.iter().map(|endpoint| endpoint.as_str()).collect();
                let found = format!("{} is not reached at {}", member.id, endpoints.join(", "));
                let mend =
                    "check name service, routes and firewall: nc -vz HOST PORT; its feed may still come through others";
                findings.warning("peers", found, mend);
            }
        }
    }
}

fn connects(host: &str, port: u16) -> bool {
    let addresses = (host, port).to_socket_addrs();
    addresses.is_ok_and(|mut addresses| addresses.any(|address| TcpStream::connect_timeout(&address, CONNECT).is_ok()))
}
