//! The `hushwire` binary.

/// The C library's allocator merges its free lists again and again while a long file is published: with 400,000 indicators
/// held, a record then costs ten times the CPU (`benches/allocator.md`).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    hushwire::app::cli::run()
}
