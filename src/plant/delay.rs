//! A line that gives back what went in a fixed number of steps ago, and zero before that.

use crate::error::Result;
use crate::numerics::room::room;

/// Values on their way, for copies side by side.
#[derive(Debug, Clone)]
pub struct DelayLine {
    n_copies: usize,
    at: usize,
    /// steps × copies; empty for a line without delay.
    values: Vec<f64>,
}

impl DelayLine {
    /// An empty line of this many steps.
    pub fn new(n_steps: usize, n_copies: usize) -> Result<Self> {
        Ok(Self { n_copies, at: 0, values: room(&[n_steps, n_copies], 0.0)? })
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.at = 0;
        self.values.fill(0.0);
    }

    /// What comes out in this step, or None of a line without delay.
    pub fn arriving(&self) -> Option<&[f64]> {
        self.values.get(self.at..self.at + self.n_copies).filter(|values| !values.is_empty())
    }

    /// Sends values off in place of those that have arrived.
    pub fn send(&mut self, values: &[f64]) {
        if self.values.is_empty() {
            return;
        }
        self.values[self.at..self.at + self.n_copies].copy_from_slice(values);
        self.at = (self.at + self.n_copies) % self.values.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_arrive_after_their_delay() {
        for n_steps in 1..5 {
            let mut line = DelayLine::new(n_steps, 2).unwrap();
            for step in 0..12 {
                let sent = [step as f64 + 1.0, -(step as f64)];
                let expected = if step < n_steps {
                    [0.0; 2]
                } else {
                    [(step - n_steps) as f64 + 1.0, n_steps as f64 - step as f64]
                };
                assert_eq!(line.arriving().unwrap(), expected);
                line.send(&sent);
            }
            line.clear();
            assert_eq!(line.arriving().unwrap(), [0.0; 2]);
        }
    }

    #[test]
    fn delays_that_do_not_fit_into_memory_are_refused() {
        assert!(DelayLine::new(usize::MAX, 2).is_err());
        assert!(DelayLine::new(1 << 31, 1 << 31).is_err());
    }

    #[test]
    fn a_line_without_delay_holds_nothing() {
        let mut line = DelayLine::new(0, 3).unwrap();
        line.send(&[1.0; 3]);
        assert_eq!(line.arriving(), None);
    }
}
