//! Every figure of the demo, as `--json` prints it.

use serde::Serialize;

/// Decisions about the orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Decisions {
    pub allow: u64,
    pub challenge: u64,
    pub hold: u64,
    pub block: u64,
}

/// What the demo measured on this machine. Times in the unit of their name.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures {
    /// Indicators both banks published before the shop opened.
    pub published: u64,
    /// What bank A's file took to publish.
    pub publish_ms: u64,
    /// Indicators the retailer held as verified after that.
    pub believed: u64,
    /// From the last acknowledgement until the retailer held them all.
    pub believe_ms: u64,
    pub screened: u64,
    pub decisions: Decisions,
    /// Fraudulent orders among those screened, and how many of them were stopped (challenge, hold or block).
    pub fraudulent: u64,
    pub fraudulent_stopped: u64,
    /// Honest orders that were stopped.
    pub honest_stopped: u64,
    pub screenings_per_s: u64,
    pub screen_p50_us: u64,
    pub screen_p90_us: u64,
    pub screen_p99_us: u64,
    pub screen_max_us: u64,
    /// From the second bank's acknowledgement until the order was blocked.
    pub corroboration_ms: u64,
    /// From the retracting call until the order passed again.
    pub retraction_ms: u64,
    pub challenged_order: ChallengedOrder,
    pub held_order: HeldOrder,
    pub blocked_order: BlockedOrder,
    /// Indicators published while a node was dead.
    pub published_while_down: u64,
    /// From its start until it held everything again.
    pub catch_up_ms: u64,
    /// Published values searched for on the stolen disks and in the recorded traffic.
    pub values_searched: u64,
    pub disk_bytes_searched: u64,
    pub disk_values_found: u64,
    pub wire_bytes_searched: u64,
    pub wire_values_found: u64,
    /// What one core tries per second where it has the epoch's key, and the seconds for all numbers of one card issuer.
    pub member_guesses_per_s: u64,
    pub member_seconds_per_issuer: u64,
    pub release: Release,
    pub audit_records: u64,
    pub audit_verified: bool,
}

/// The noised statistic.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Release {
    pub id: String,
    pub epsilon: f64,
    pub accuracy_95: f64,
    /// Category and noised count, the largest first.
    pub counts: Vec<(String, i64)>,
}

/// An order whose customer passed a challenge.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ChallengedOrder {
    pub decision: &'static str,
    pub reason: String,
    /// From the order's answer until the gateway had the code.
    pub code_ms: u64,
    /// A wrong code was refused, and the right one released the order.
    pub wrong_refused: bool,
    pub released: bool,
    /// What the customer's next order came to, from the same flagged device.
    pub next_decision: &'static str,
}

/// An order that a person released.
#[derive(Debug, Clone, Default, Serialize)]
pub struct HeldOrder {
    pub decision: &'static str,
    pub reason: String,
    /// What was unusual for the customer.
    pub anomalies: Vec<String>,
    pub released: bool,
    /// What the customer's next order came to, from the same country.
    pub next_decision: &'static str,
    pub next_anomalies: Vec<String>,
}

/// A blocked order with its explanation.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BlockedOrder {
    pub decision: &'static str,
    pub decision_id: String,
    pub reasons: Vec<String>,
    /// Members that flag what it shows.
    pub reported_by: Vec<String>,
    pub policy_name: String,
    pub policy_sha256: String,
    /// The record's proof verifies under the key that another member's roster gives, and says the same.
    pub proved: bool,
}
