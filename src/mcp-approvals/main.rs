//! The approval service: holds calls that somebody has to approve, and what was decided of them.

mod access;
mod api;
mod app;
mod asking;
mod caller;
mod clock;
mod command;
mod config;
mod desk;
mod feed;
mod hooks;
mod http;
mod journal;
mod listen;
mod live;
mod metrics;
mod model;
mod password;
mod question;
mod secret;
mod serve;
mod shell;
mod sign_in;
mod store;
mod throttle;
mod tls;
mod visitor;
mod web;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let command = command::Line::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            journal::line(format_args!("cannot begin: {why}"));
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(command.run())
}
