//! Rows on their way along a conduction delay.
//!
//! ```text
//! out_t = x_{t−d}, and the fill before that         d: steps
//! ```
//! The last d + 1 rows are kept in a ring, so a step costs one copy whatever the delay.

use crate::error::Result;
use crate::numerics::room::room;
use crate::real::Real;

/// A delay of whole steps for rows of one width.
#[derive(Debug, Clone, PartialEq)]
pub struct DelayLine<R> {
    width: usize,
    delay: usize,
    fill: R,
    rows: Vec<R>,
    /// Where the latest row stands.
    latest: usize,
}

impl<R: Real> DelayLine<R> {
    /// Nothing has been sent: the first `delay` rows that arrive hold `fill`.
    pub fn new(width: usize, delay: usize, fill: R) -> Result<Self> {
        let mut rows = room(&[delay.saturating_add(1), width], R::ZERO)?;
        // Zeros need not be written, which for a long delay would take long.
        if fill != R::ZERO {
            rows.fill(fill);
        }
        Ok(Self { width, delay, fill, rows, latest: delay })
    }

    /// Steps between sending and arriving.
    pub fn delay(&self) -> usize {
        self.delay
    }

    /// Sends a row, and returns the one that arrives at the same step.
    pub fn send(&mut self, row: &[R]) -> &[R] {
        self.departing().copy_from_slice(row);
        self.arriving()
    }

    /// Room for the next row to be sent, which is written in place.
    pub fn departing(&mut self) -> &mut [R] {
        self.latest = if self.latest == self.delay { 0 } else { self.latest + 1 };
        &mut self.rows[self.latest * self.width..][..self.width]
    }

    /// What arrives at the step of the latest row.
    pub fn arriving(&self) -> &[R] {
        self.back(self.delay)
    }

    /// The row sent `steps` steps before the latest; at most the delay.
    pub fn back(&self, steps: usize) -> &[R] {
        let n_rows = self.delay + 1;
        let place = (self.latest + n_rows - steps) % n_rows;
        &self.rows[place * self.width..][..self.width]
    }

    /// Forgets what is on its way.
    pub fn clear(&mut self) {
        self.rows.fill(self.fill);
        self.latest = self.delay;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_that_do_not_fit_into_memory_are_refused() {
        assert!(DelayLine::new(1 << 30, 1 << 31, 0.0_f64).is_err());
        assert!(DelayLine::new(2, usize::MAX, 0.0_f64).is_err());
    }

    #[test]
    fn rows_arrive_after_exactly_the_delay() {
        for delay in [0, 1, 4] {
            let mut line = DelayLine::new(2, delay, -1.0_f64).unwrap();
            for round in 0..2 {
                for step in 0..11 {
                    let sent = [f64::from(step), 0.5];
                    let arrived = line.send(&sent).to_vec();
                    let expected = match usize::try_from(step) {
                        Ok(step) if step >= delay => [(step - delay) as f64, 0.5],
                        _ => [-1.0, -1.0],
                    };
                    assert_eq!(arrived, expected, "delay {delay}, round {round}, step {step}");
                    assert_eq!(line.back(0), sent);
                }
                line.clear();
            }
        }
    }
}
