//! `[signals]`

use super::ActiveLevel;
use crate::rule::{gpio_line, integer, one_of};

section! {
    /// Lamps and a buzzer, on the relay's chip. Not set: there are none. With `liveness.level = "active"` all of them
    /// also say what the person should do, by long and short pulses.
    [signals] Signals {
        /// The line of the lamp that is lit when a person is let in.
        yes_line: Option<u32> = None => gpio_line().example("22").restart();
        /// The line of the lamp that is lit when a person is refused.
        no_line: Option<u32> = None => gpio_line().example("23").restart();
        /// The line of the buzzer. It sounds once when a person is let in, twice when a person is refused.
        buzzer_line: Option<u32> = None => gpio_line().example("24").restart();
        /// The level at which lamps and buzzer are on.
        active: ActiveLevel = ActiveLevel::High => one_of::<ActiveLevel>().restart();
        /// How long a lamp stays on, milliseconds.
        lamp_ms: u64 = 2000 => integer(10, 60_000).restart();
    }
}
