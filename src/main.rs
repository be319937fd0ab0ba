//! The `hushwire` binary.

fn main() -> std::process::ExitCode {
    hushwire::app::cli::run()
}
