//! What the demo tells: short plain sentences on standard error, progress bars while it works.

use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::app::demo::console::Pass;
use crate::app::demo::figures::Figures;
use crate::app::demo::founding::Cast;
use crate::app::output::remark;

/// Columns of the text.
const WIDTH: usize = 96;

/// The narrator.
#[derive(Debug)]
pub struct Account;

impl Account {
    pub fn new() -> Self {
        Self
    }

    pub fn prologue(&self) {
        remark("");
        remark("HUSHWIRE  warn each other about fraud without handing over people's data");
        self.say(
            "Two banks and a shop have agreed to warn each other: a consortium. When a bank sees fraud, it publishes an \
             indicator: the fraudster's card number, e-mail address or device, turned into a pseudonym, which tells nothing \
             to whoever lacks the key. The others fetch it, check that it really comes from that bank, and compare it with \
             their own orders on their own machine: no order and no customer is ever shown to anybody else.",
        );
        self.say(
            "What follows runs on this machine, one process for each member's node. People and orders are invented; keys, \
             network, disks and measurements are real.",
        );
    }

    /// A new act.
    pub fn step(&self, title: &str) {
        remark("");
        remark(format!("▸ {title}"));
    }

    /// What happened, wrapped.
    pub fn say(&self, text: &str) {
        let mut line = String::from("  ");
        for word in text.split_whitespace() {
            if line.chars().count() + word.chars().count() + 1 > WIDTH {
                remark(&line);
                line = String::from("  ");
            }
            if line.len() > 2 {
                line.push(' ');
            }
            line.push_str(word);
        }
        remark(line);
    }

    /// A figure under the account.
    pub fn figure(&self, name: &str, value: impl AsRef<str>) {
        remark(format!("    {name:<37}{}", value.as_ref()));
    }

    pub fn done(&self, text: &str) {
        remark("");
        remark(text);
    }

    /// A bar over `length` pieces of work. Without a terminal nothing is drawn.
    pub fn bar(&self, length: usize, unit: &str) -> ProgressBar {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(10));
        let template = format!("    {{bar:40}} {{human_pos}} of {{human_len}} {unit}");
        bar.with_style(ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()))
    }

    /// A spinner for a wait of unknown length.
    pub fn waiting(&self, what: &str) -> ProgressBar {
        let spinner = ProgressBar::new_spinner().with_message(what.to_owned());
        spinner.enable_steady_tick(Duration::from_millis(100));
        spinner
    }

    pub fn summary(&self, figures: &Figures) {
        self.step("In short");
        self.figure(
            "indicators published and believed",
            format!("{} / {}", HumanCount(figures.published), HumanCount(figures.believed)),
        );
        self.figure("orders screened", HumanCount(figures.screened).to_string());
        self.figure(
            "allowed, challenged, held, blocked",
            format!(
                "{}, {}, {}, {}",
                HumanCount(figures.decisions.allow),
                HumanCount(figures.decisions.challenge),
                HumanCount(figures.decisions.hold),
                HumanCount(figures.decisions.block)
            ),
        );
        self.figure(
            "one answer, as the shop sees it",
            format!("half within {} µs, 99 % within {} µs", figures.screen_p50_us, figures.screen_p99_us),
        );
        self.figure("a retraction reached the shop in", format!("{} ms", figures.retraction_ms));
        self.figure("a killed node had caught up after", format!("{} ms", figures.catch_up_ms));
        self.figure("audit logs verified", "all three");
    }

    /// What a visitor can try while the nodes run.
    pub fn by_hand(&self, cast: &Cast, email: &str, pass: &Pass) {
        self.step("Your turn: the three nodes keep running");
        for member in &cast.members {
            self.figure(member.title, format!("{} for its own systems, folder {}", member.local, member.dir.display()));
        }
        remark("");
        remark("    In another terminal; who may do what is settled by certificates in each folder:");
        let program = std::env::current_exe().map_or_else(|_| "hushwire".to_owned(), |path| path.display().to_string());
        for (what, command) in cast.commands_to_try(email) {
            remark(format!("      # {what}"));
            remark(format!("      {program} {command}"));
        }
        remark("");
        remark("    In a browser: the shop's console. It is the demo's, so everything that lets you in stands here:");
        let entry = |name: &str, value: &str| remark(format!("      {name:<30}{value}"));
        entry("address", &pass.address);
        entry("name", pass.name);
        entry("password", &pass.password);
        entry("secret of an authenticator", &pass.secret);
        entry("or, each once as the code", &pass.recovery.join("  "));
        entry("authority of its certificate", &pass.authority.display().to_string());
        remark("");
        let folder = if cast.is_kept() { "keeps" } else { "removes" };
        remark(format!("    Ctrl-C stops all three nodes cleanly and {folder} the folder."));
    }
}
