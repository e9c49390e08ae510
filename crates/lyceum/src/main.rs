//! The binary: parses the command line, runs one command, and turns its outcome into an exit status
//! (0 done, 1 refused or failed, 2 wrong usage).

mod cli;
mod client;
mod command;
mod compose;
mod config;
mod demo;
mod failure;
mod generate;
mod output;
mod progress;
mod render;
mod settings;
mod telemetry;
mod witnesses;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    telemetry::quiet_panics();
    // One provider for all TLS of the process; a second call can't happen, its error would mean "already there".
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error(&format!("error[E9001]: the operating system refuses threads or sockets: {error}"));
            return ExitCode::from(1);
        }
    };
    match runtime.block_on(command::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::error(&failure.to_string());
            ExitCode::from(failure.exit_status())
        }
    }
}
