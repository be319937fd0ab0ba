//! The table `benches/RESULTS.md`, made from every figure there is a file of.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use crate::Fault;
use crate::figure::{Figure, Target, folder, shown};

const TITLE: &str = "# Figures\n\n";

const HEAD: &str = "Written by `make bench`; each row is one file of `target/bench`, and the targets are those the project set itself before\n\
    its first line. CPU times and ratios are comparable between runs, wall-clock rates hardly: the machine is shared, and\n\
    where client and server run on the same cores they halve each other. A value is the median of its rounds.\n\n";

/// Writes the table.
pub fn write() -> Result<(), Fault> {
    let mut figures = Vec::new();
    for file in std::fs::read_dir(folder())? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            figures.push(serde_json::from_slice::<Figure>(&std::fs::read(path)?)?);
        }
    }
    figures.sort_by(|left, right| left.name.cmp(&right.name));
    let text = table(&figures)?;
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/RESULTS.md"), text)?;
    Ok(())
}

fn table(figures: &[Figure]) -> Result<String, Fault> {
    let mut text = TITLE.to_owned();
    text.push_str(&origin(figures)?);
    text.push_str(HEAD);
    text.push_str("| figure | value | target | met | n × rounds |\n|---|---|---|---|---|\n");
    for figure in figures {
        let Figure { name, what, value, unit, target, n, rounds, .. } = figure;
        let aim = match target {
            Target::AtLeast(least) => format!("≥ {}", shown(*least)),
            Target::AtMost(most) => format!("≤ {}", shown(*most)),
            Target::None => "—".to_owned(),
        };
        let met = match target.is_met(*value) {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        writeln!(text, "| `{name}`: {what} | {} {unit} | {aim} | {met} | {n} × {rounds} |", shown(*value))?;
    }
    text.push_str("\n## Remarks\n\n");
    for figure in figures.iter().filter(|figure| !figure.remark.is_empty()) {
        writeln!(text, "- `{}`: {}", figure.name, figure.remark)?;
    }
    text.push_str(
        "\n## Where and when\n\n| figures | date | commit | load | machine | command |\n|---|---|---|---|---|---|\n",
    );
    for group in groups(figures) {
        let of_group = || figures.iter().filter(|figure| group_of(figure) == group);
        let Some(last) = of_group().max_by(|left, right| left.date.cmp(&right.date)) else { continue };
        let mut loads: Vec<&str> = of_group().map(|figure| figure.load.as_str()).collect();
        loads.sort_unstable();
        let load = format!("{} to {}", loads.first().unwrap_or(&""), loads.last().unwrap_or(&""));
        let Figure { date, commit, machine, command, .. } = last;
        writeln!(text, "| `{group}.*` | {date} | {commit} | {load} | {machine} | `{command}` |")?;
    }
    Ok(text)
}

/// Where the figures come from, in front of them: nobody should read a number without its machine, commit and command.
fn origin(figures: &[Figure]) -> Result<String, Fault> {
    let different = |of: fn(&Figure) -> String| -> Vec<String> {
        figures.iter().map(of).collect::<BTreeSet<String>>().into_iter().collect()
    };
    let rows = [
        ("machine", different(|figure| figure.machine.clone())),
        ("commit", different(|figure| figure.commit.clone())),
        ("command", different(|figure| format!("`{}`", figure.command))),
        ("stock of `stock.*` and `rpc.*`", different(|figure| format!("{} indicators", figure.stock))),
    ];
    let mut text = "| measured | |\n|---|---|\n".to_owned();
    for (name, values) in rows {
        writeln!(text, "| {name} | {} |", values.join("; "))?;
    }
    text.push('\n');
    if figures.iter().any(|figure| (&figure.machine, &figure.commit) != (&figures[0].machine, &figures[0].commit)) {
        text.push_str("**These figures are of several runs:** the last table says which.\n\n");
    }
    Ok(text)
}

fn group_of(figure: &Figure) -> &str {
    figure.name.split_once('.').map_or(figure.name.as_str(), |(group, _)| group)
}

fn groups(figures: &[Figure]) -> Vec<&str> {
    let mut groups: Vec<&str> = figures.iter().map(group_of).collect();
    groups.dedup();
    groups
}
