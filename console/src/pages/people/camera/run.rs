//! Lets the door enroll somebody with its camera.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use ostiary_control::interface::EnrollFromCamera_Reply;
use serde_json::json;
use tokio::time::interval;

use crate::camera_enrollment::CameraEnrollment;
use crate::enrollment::Enrollment;
use crate::visit::Visit;

/// The door gives up after this time without enough good pictures.
const TIME: Duration = Duration::from_secs(120);
/// The door may take this long for the next message: all of that time, and to load its models and to compare the pictures.
const ANSWER_TIME: Duration = Duration::from_secs(180);
/// How often it is checked that somebody looks at the page.
const LOOK_TIME: Duration = Duration::from_millis(500);

/// Lets the door enroll, until it has a result or the page is left.
pub async fn run(visit: Visit, enrollment: Arc<CameraEnrollment>) {
    let (name, any_pose, options) = (enrollment.name.clone(), enrollment.any_pose, enrollment.options);
    let watched = enrollment.clone();
    let call = visit.long_door(ANSWER_TIME, move |door| {
        watched.connected(door.closer());
        let parameters = json!({
            "name": name, "any_pose": any_pose, "timeout_s": TIME.as_secs_f64(), "options": options,
        });
        let mut result = None;
        door.call_more("EnrollFromCamera", parameters, |reply: EnrollFromCamera_Reply| {
            reply.message.into_iter().for_each(|message| watched.add(message));
            result = reply.result.or(result.take());
            ControlFlow::Continue(())
        })?;
        result.map(Enrollment::of).transpose()
    });
    tokio::pin!(call);
    let mut looks = interval(LOOK_TIME);
    loop {
        tokio::select! {
            result = &mut call => return enrollment.end(result),
            _ = looks.tick() => {
                if enrollment.is_left() {
                    enrollment.leave();
                }
            }
        }
    }
}
