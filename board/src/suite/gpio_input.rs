//! The test setup itself: a level that the tests set is visible on the board.

use std::time::Duration;

use anyhow::ensure;

use crate::board::Board;
use crate::timeouts::wait_until;

pub fn input_line(board: &Board) -> anyhow::Result<String> {
    let line = board.lines.button;
    let mut seen = Vec::new();
    for level in [true, false, true, false] {
        board.machine()?.set_input(line, level)?;
        let expected = u8::from(level).to_string();
        wait_until("the level in gpioget", Duration::from_secs(10), || {
            let output = board.sh(&format!("gpioget --chip gpiochip0 --numeric --bias disabled {line}"))?;
            Ok((output.trim() == expected).then_some(()))
        })?;
        seen.push(expected);
    }
    ensure!(!board.monitor.level(line)?, "the line is still high");
    Ok(format!("gpioget read {} on line {line}", seen.join(", ")))
}
