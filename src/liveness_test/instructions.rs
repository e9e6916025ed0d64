//! What the owner is told to do in each part of a test.

use ostiary_config::{Door, Lockout};
use ostiary_events::{AttackKind, TestPart, VisitTime};

/// What to do in a part.
pub(super) fn of_part(part: TestPart) -> &'static str {
    match part {
        TestPart::Attack(kind) => of_attack(kind),
        TestPart::Visits(VisitTime::Day) => {
            "In daylight, let each enrolled person come to the door as usual, in their usual clothes, with glasses or a hat if they \
             wear them."
        }
        TestPart::Visits(VisitTime::Night) => {
            "In the dark, with the lamps that are on at night, let each enrolled person come to the door as usual."
        }
    }
}

fn of_attack(kind: AttackKind) -> &'static str {
    match kind {
        AttackKind::SmallPrint => {
            "Print photos of enrolled people, so that the face is about as large as a real one. Hold a print before the camera, so \
             that its edges and your hand are in view. Move it a little, nearer and further, and tilt it."
        }
        AttackKind::LargePrint => {
            "Print photos of enrolled people on A4 or A3 with their surroundings. Hold a print so close that its edges and your \
             hands are out of view, with the face as large as a real one at the usual distance."
        }
        AttackKind::BentPrint => {
            "Bend a print around the vertical axis, as around a bottle and as around a bucket. Hold it before the camera, and turn \
             it slowly to the left and to the right."
        }
        AttackKind::FoldedPrint => {
            "Fold a print along the nose, by a little and by a lot, so that the nose stands out. Hold it before the camera, and \
             turn it slowly to the left and to the right."
        }
        AttackKind::Phone => {
            "Show a photo of an enrolled person on the screen of a phone, bright, without reflections, with the face as large as \
             possible. Move it nearer and further."
        }
        AttackKind::TabletFilm => {
            "Play a film of an enrolled person on a tablet or a larger screen: the person looks at the camera, turns the head to \
             the left, to the right, up and down, and blinks. Hold it so close that its frame is out of view."
        }
    }
}

/// How to go on between presentations.
pub(super) fn between(part: TestPart, door: &Door, lockout: &Lockout) -> String {
    let away = door.away_s;
    match part {
        TestPart::Attack(_) => {
            let before_pause = match lockout.attempts {
                0 | 1 => "one picture of a person pauses".to_owned(),
                attempts => format!(
                    "{} pictures of one person within {} s do not yet pause",
                    attempts - 1,
                    lockout.within_s
                ),
            };
            format!(
                "Keep your own face and those of others out of view. After each presentation hold the picture out of view for more \
                 than {away} s. The lockout counts pictures as attempts: {before_pause} that person's \
                 way in by face. Take turns with pictures of several people."
            )
        }
        TestPart::Visits(_) => {
            let wait = door.cooldown_s.max(away);
            format!(
                "One person at a time. After each visit step out of view for more than {wait} s before the next visit of the same \
                 person. A visit that is refused once counts as refused, also if the person is let in after that."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_told_the_times_of_the_configuration() {
        let door = Door { away_s: 4.0, cooldown_s: 25.0, ..Door::default() };
        let lockout = Lockout { attempts: 7, within_s: 200.0, ..Lockout::default() };
        let attack = between(TestPart::Attack(AttackKind::Phone), &door, &lockout);
        assert!(attack.contains("more than 4 s") && attack.contains("6 pictures of one person within 200 s"));
        let strict = Lockout { attempts: 1, ..lockout };
        let attack = between(TestPart::Attack(AttackKind::Phone), &door, &strict);
        assert!(attack.contains("one picture of a person pauses"), "{attack}");
        let visits = between(TestPart::Visits(VisitTime::Day), &door, &lockout);
        assert!(visits.contains("more than 25 s"), "{visits}");
    }
}
