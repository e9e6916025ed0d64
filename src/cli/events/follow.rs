//! Prints events as they are recorded.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ostiary_control::CallError;
use ostiary_control::interface::{VarlinkClient, VarlinkClientInterface};
use ostiary_events::{EventFilter, EventStore};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::api_event::{from_api, to_api};
use super::event_format::Printer;

/// The pause between two looks at the store.
const PAUSE: Duration = Duration::from_millis(500);

/// Prints events after `filter.after` as the running door records them, until the door ends.
pub(super) fn follow_door(
    door: &mut VarlinkClient,
    filter: &mut EventFilter,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let mut call = door.follow_events(to_api(filter));
    for reply in call.more().map_err(CallError::from)? {
        let event = from_api(reply.map_err(CallError::from)?.event)?;
        filter.after = event.id;
        printer.print(&event)?;
    }
    Ok(())
}

/// Prints events after `filter.after` as they are recorded, until SIGINT or SIGTERM, or until nobody reads the output.
pub(super) fn follow_store(
    mut store: EventStore,
    mut filter: EventFilter,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register(signal, stop.clone())?;
    }
    while !stop.load(Ordering::Relaxed) && output_is_open() {
        // The daemon may have started, stopped, or replaced a damaged file.
        store.refresh()?;
        // Events that do not fit are not searched again; those that are recorded during the search may be printed.
        let mut newest = store.newest()?.map_or(0, |event| event.id);
        if newest > filter.after {
            store.find(&filter, None, |event| {
                newest = newest.max(event.id);
                printer.print(&event)
            })?;
            filter.after = newest;
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Whether standard output has a reader.
fn output_is_open() -> bool {
    let stdout = io::stdout();
    let mut output = [PollFd::new(&stdout, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut output, Some(&now)) {
        Ok(1..) => output.iter().all(|output| !output.revents().contains(PollFlags::ERR)),
        // A signal interrupted it, or nothing is wrong.
        _ => true,
    }
}
