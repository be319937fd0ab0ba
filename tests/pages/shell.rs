//! The shell blocks of a page, and a shell with the built program first on its path.

use std::path::Path;
use std::process::{Command, Output};

/// The shell blocks of a page, in order.
pub fn blocks(page: &str) -> String {
    let mut script = String::new();
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => {
                script.push_str(line);
                script.push('\n');
            }
            _ => {}
        }
    }
    script
}

/// A shell in `folder` that ends at the first command that fails.
pub fn command(folder: &Path, script: &str) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_hushwire"));
    let folders = binary.parent().into_iter().map(Path::to_owned);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(folders.chain(std::env::split_paths(&path))).expect("folders without a colon");
    let mut command = Command::new("sh");
    command
        .args(["-e", "-c", script])
        .current_dir(folder)
        .env("PATH", path)
        .env("HUSHWIRE_PASSPHRASE", "correct horse battery staple")
        .env("HUSHWIRE_DANGER_QUICK_SEALING", "true");
    command
}

pub fn run(folder: &Path, script: &str) -> Output {
    command(folder, script).output().expect("a shell")
}

pub fn succeed(folder: &Path, script: &str) -> String {
    let output = run(folder, script);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}\nstdout:\n{stdout}\nstderr:\n{stderr}");
    stdout.into_owned()
}

/// Runs a command that must fail with this exit code, and returns what it says.
pub fn refuse(folder: &Path, command: &str, code: i32) -> String {
    let output = run(folder, command);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{command}\n{stderr}");
    stderr
}
