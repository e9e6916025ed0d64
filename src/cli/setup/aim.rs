//! Tells what the door's camera sees, while somebody aims it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::bail;
use ostiary_control::interface::{LivePicture, VarlinkClientInterface};
use ostiary_control::{CallError, Client};

use super::dialog::Dialog;
use crate::cli::output::line;

/// Pictures in each second.
const RATE: f64 = 2.0;
/// The pause between two looks at the input.
const PAUSE: Duration = Duration::from_millis(100);

/// Prints what is seen whenever it changes, until a line is entered.
pub(super) fn watch(dialog: &mut Dialog, mut door: Client) -> anyhow::Result<()> {
    let (sender, seen) = channel();
    let has_ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| look(&mut door, &sender, &has_ended));
        let told = tell(dialog, &seen);
        has_ended.store(true, Ordering::Relaxed);
        let looked = watcher.join().unwrap_or_else(|_| bail!("the live view has failed"));
        told.and(looked)
    })
}

/// Sends what each picture shows.
fn look(door: &mut Client, sender: &Sender<String>, has_ended: &AtomicBool) -> anyhow::Result<()> {
    let mut call = door.door().watch_live(RATE);
    for reply in call.more().map_err(CallError::from)? {
        let picture = reply.map_err(CallError::from)?.picture;
        if has_ended.load(Ordering::Relaxed) || sender.send(in_words(&picture)).is_err() {
            break;
        }
    }
    Ok(())
}

fn tell(dialog: &mut Dialog, seen: &std::sync::mpsc::Receiver<String>) -> anyhow::Result<()> {
    let mut told = String::new();
    while !dialog.is_entered(PAUSE)? {
        match seen.recv_timeout(PAUSE) {
            Ok(words) if words != told => {
                line(&format!("  {words}"))?;
                told = words;
            }
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            // The thread says why.
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(())
}

/// What a picture shows, in words.
fn in_words(picture: &LivePicture) -> String {
    let largest = picture.faces.iter().max_by(|one, other| one.width.total_cmp(&other.width));
    let Some(face) = largest else { return "no face".to_owned() };
    let advice = face.advice.as_deref().unwrap_or("the face is good");
    // In steps, so that a face that stands still is told of once.
    let width = (face.width / 20.0).round() * 20.0;
    let others = picture.faces.len() - 1;
    let others = if others > 0 { format!("; others in the picture: {others}") } else { String::new() };
    format!("about {width:.0} pixels wide: {advice}{others}")
}

#[cfg(test)]
mod tests {
    use ostiary_control::interface::LiveFace;

    use super::*;

    #[test]
    fn the_largest_face_is_told_of() {
        let face = |width, advice: Option<&str>| LiveFace {
            track: 1,
            x: 0.0,
            y: 0.0,
            width,
            height: width,
            looks_like: None,
            advice: advice.map(str::to_owned),
        };
        let picture = |faces| LivePicture {
            number: 1,
            time_s: 0.0,
            width: 640,
            height: 480,
            jpeg: String::new(),
            faces,
            prompt: None,
        };
        assert_eq!(in_words(&picture(vec![])), "no face");
        assert_eq!(in_words(&picture(vec![face(97.0, None)])), "about 100 pixels wide: the face is good");
        let two = picture(vec![face(31.0, Some("come nearer")), face(181.0, Some("look at the camera"))]);
        assert_eq!(in_words(&two), "about 180 pixels wide: look at the camera; others in the picture: 1");
    }
}
