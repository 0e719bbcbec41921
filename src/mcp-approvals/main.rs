//! The approval service: keeps calls that need a person's approval, and the decisions on them.

mod access;
mod api;
mod app;
mod ask;
mod caller;
mod clock;
mod command;
mod config;
mod decision;
mod feed;
mod http_client;
mod listen;
mod logging;
mod metrics;
mod model;
mod panics;
mod password;
mod question;
mod secret;
mod serve;
mod shell;
mod sign_in;
mod sse;
mod store;
mod throttle;
mod tls;
mod user;
mod web;
mod webhooks;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let command = command::CommandLine::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            logging::line(format_args!("cannot start:  {why}"));
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(command.run())
}
