//! Lines that are driven from outside.

use std::time::Duration;

use anyhow::ensure;

use crate::board::Board;
use crate::patience::until;

pub fn input_line(board: &Board) -> anyhow::Result<String> {
    let line = board.lines.button;
    let mut seen = Vec::new();
    for level in [true, false, true, false] {
        board.machine()?.set_input(line, level)?;
        let wanted = u8::from(level).to_string();
        until("gpioget sees the level", Duration::from_secs(10), || {
            let said = board.sh(&format!("gpioget --chip gpiochip0 --numeric --bias disabled {line}"))?;
            Ok((said.trim() == wanted).then_some(()))
        })?;
        seen.push(wanted);
    }
    ensure!(!board.watcher.level(line)?, "the line stayed high");
    Ok(format!("gpioget read {} on line {line}", seen.join(", ")))
}
