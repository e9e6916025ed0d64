//! One output that is switched on and off in pulses. The caller passes the time.

use std::time::Duration;

use super::{GpioError, OutputLine};

/// A group of pulses of one length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pulses {
    /// How many pulses, at least 1.
    pub count: u32,
    /// The length of a pulse.
    pub on: Duration,
    /// The pause between two pulses of the group.
    pub off: Duration,
}

impl Pulses {
    /// The number of edges of a group that begins while the output is off.
    fn edges(self) -> u32 {
        2 * self.count
    }
}

/// One output and its remaining pulses.
pub(super) struct Blinker {
    line: Box<dyn OutputLine>,
    pulses: Pulses,
    /// Number of remaining edges of the group, including the last one to off; odd while the line is on.
    edges: u32,
    /// When the next edge is due.
    next: Duration,
    repetition: Option<Repetition>,
}

/// The repetition of a group.
struct Repetition {
    /// The pause between two groups.
    pause: Duration,
    /// No group begins after this time.
    until: Duration,
}

impl Blinker {
    /// An output that is off.
    pub fn new(line: Box<dyn OutputLine>) -> Self {
        let pulses = Pulses { count: 1, on: Duration::ZERO, off: Duration::ZERO };
        Self { line, pulses, edges: 0, next: Duration::ZERO, repetition: None }
    }

    /// Switches on now, for one group of pulses. Replaces what was going on.
    pub fn start(&mut self, now: Duration, pulses: Pulses) -> Result<(), GpioError> {
        self.repetition = None;
        self.begin(now, pulses)
    }

    /// Switches on now, for groups of pulses with this pause between them, until that time. Replaces what was going on.
    pub fn repeat(
        &mut self,
        now: Duration,
        pulses: Pulses,
        pause: Duration,
        until: Duration,
    ) -> Result<(), GpioError> {
        self.repetition = Some(Repetition { pause, until });
        self.begin(now, pulses)
    }

    fn begin(&mut self, now: Duration, pulses: Pulses) -> Result<(), GpioError> {
        self.pulses = pulses;
        self.edges = pulses.edges() - 1;
        self.next = now + pulses.on;
        self.line.set(true)
    }

    /// Switches off, and ends the pulses.
    pub fn stop(&mut self) -> Result<(), GpioError> {
        self.repetition = None;
        if std::mem::take(&mut self.edges) > 0 { self.line.set(false) } else { Ok(()) }
    }

    /// Makes at most one edge: after a long time between ticks a pulse is late instead of missing.
    pub fn tick(&mut self, now: Duration) -> Result<(), GpioError> {
        if self.edges == 0 || now < self.next {
            return Ok(());
        }
        // If the edge fails it stays due, and the next tick tries again.
        let on = self.edges.is_multiple_of(2);
        self.line.set(on)?;
        self.edges -= 1;
        self.next = now + if on { self.pulses.on } else { self.pulses.off };
        if self.edges == 0
            && let Some(Repetition { pause, until }) = self.repetition
            && now + pause <= until
        {
            self.edges = self.pulses.edges();
            self.next = now + pause;
        }
        Ok(())
    }
}
