//! `ostiary-console serve`: runs the console.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ostiary_config::{Config, Console};
use ostiary_events::logging;
use tokio::signal::unix::{SignalKind, signal};

use super::globals::Globals;
use super::owner::refuse_root;
use crate::app::App;
use crate::certificate::Certificate;
use crate::clock;
use crate::local_name::LocalName;
use crate::memory::return_freed;
use crate::server::{Tls, listen, serve};
use crate::store::Store;

/// The most threads for what takes long: keys from passwords, the store, calls of the door.
const MAX_THREADS: usize = 8;
/// The stack of such a thread, bytes.
const STACK: usize = 512 * 1024;
/// How often the certificate is read again: it may have been renewed, or expire.
const CERTIFICATE_TIME: Duration = Duration::from_hours(1);

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code: 0 stopped, 2 an error.")]
pub struct Args {}

pub fn run(globals: &Globals, _args: Args) -> anyhow::Result<()> {
    let config = globals.config()?;
    logging::init(config.log.level);
    return_freed();
    let folder = globals.state()?;
    refuse_root(&folder)?;
    let store = Store::open(&folder)?;
    let certificate = Certificate::load(&config, &folder, clock::now())?;
    if let Some(warning) = certificate.warning(clock::now()) {
        log::warn!(target: "ostiary::console", "{warning}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(MAX_THREADS)
        .thread_stack_size(STACK)
        .thread_keep_alive(Duration::from_secs(5))
        .build()
        .context("the threads cannot be started")?;
    let stopped = runtime.block_on(until_stopped(&config, &folder, store, &certificate));
    // A call of the door may last longer than the service may take to stop.
    runtime.shutdown_timeout(Duration::from_secs(1));
    stopped
}

async fn until_stopped(
    config: &Config,
    folder: &Path,
    store: Store,
    certificate: &Certificate,
) -> anyhow::Result<()> {
    let listener = listen(config.console.listen).await?;
    let port = listener.local_addr().map_or(Console::PORT, |address| address.port());
    // Without the name people reach the console by the address of the board.
    let _name = LocalName::announce(config, port)
        .inspect_err(|error| log::warn!(target: "ostiary::console", "{error:#}"))
        .ok();
    let tls = Tls::new(certificate);
    let app = Arc::new(App::new(config, store));
    let mut terminate = signal(SignalKind::terminate()).context("signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals")?;
    log::info!(
        target: "ostiary::console",
        "the console of {} is at {}; its certificate has the fingerprint SHA-256 {}",
        config.door.name, config.console_address(), certificate.fingerprint()
    );
    // Outside of systemd there is nobody to tell.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tokio::select! {
        () = serve(app, listener, tls.clone()) => {}
        () = renew(config, folder, &tls) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    Ok(())
}

/// Reads the certificate again from time to time, and renews the console's own.
async fn renew(config: &Config, folder: &Path, tls: &Tls) {
    let mut warned = clock::now();
    loop {
        tokio::time::sleep(CERTIFICATE_TIME).await;
        let now = clock::now();
        match Certificate::load(config, folder, now) {
            Ok(certificate) => {
                if tls.replace(&certificate) {
                    let fingerprint = certificate.fingerprint();
                    log::info!(target: "ostiary::console", "a new certificate is used: SHA-256 {fingerprint}");
                }
                if let Some(warning) = certificate.warning(now).filter(|_| now >= warned + 24 * 3600) {
                    log::warn!(target: "ostiary::console", "{warning}");
                    warned = now;
                }
            }
            Err(error) => log::error!(target: "ostiary::console", "the certificate in use remains: {error}"),
        }
    }
}
