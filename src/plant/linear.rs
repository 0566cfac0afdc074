//! Linear time-invariant systems in discrete time, with one input and one output.
//!
//! ```text
//! y_n = C s_n + D u_n,   s_{n+1} = A s_n + B u_n
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | A | `a` | (states, states) |
//! | B | `b` | (states) |
//! | C | `c` | (states) |
//! | D | `direct` | () |
//! | s | `Linear::states` | (states, copies) |
//! | u | `input`, `command` + `load` | (copies) |
//!
//! How a continuous system becomes a discrete one is the caller's choice. Double precision only: integrators and slow
//! poles add up small numbers for a long time, and a loop has a handful of states.

use super::Plant;
use crate::error::{Error, Result};

/// The matrices of one system.
#[derive(Debug, Clone, PartialEq)]
pub struct StateSpace {
    a: Vec<f64>,
    b: Vec<f64>,
    c: Vec<f64>,
    direct: f64,
}

impl StateSpace {
    /// Checks that shapes fit and numbers are finite. `argument` is what the caller calls the system.
    pub fn new(argument: &'static str, a: Vec<f64>, b: Vec<f64>, c: Vec<f64>, direct: f64) -> Result<Self> {
        let n = b.len();
        if a.len() != n * n || c.len() != n {
            let expected = format!("A (n, n), B (n), C (n); B has n = {n}");
            return Err(Error::shape(argument, &[a.len(), n, c.len()], expected));
        }
        if let Some(bad) = a.iter().chain(&b).chain(&c).chain([&direct]).find(|value| !value.is_finite()) {
            return Err(Error::value(argument, bad, "finite coefficients"));
        }
        Ok(Self { a, b, c, direct })
    }

    /// States of one copy.
    pub fn n_states(&self) -> usize {
        self.b.len()
    }

    /// D.
    pub fn direct(&self) -> f64 {
        self.direct
    }
}

/// Copies of one system, and where they are.
#[derive(Debug, Clone)]
pub struct Linear {
    system: StateSpace,
    n_copies: usize,
    states: Vec<f64>,
    next: Vec<f64>,
    input: Vec<f64>,
}

impl Linear {
    /// Copies at rest.
    pub fn new(system: StateSpace, n_copies: usize) -> Self {
        let states = vec![0.0; system.n_states() * n_copies];
        Self { system, n_copies, next: states.clone(), states, input: vec![0.0; n_copies] }
    }

    /// One step: what goes in shows in `out` as far as D lets it, and moves the states.
    pub fn respond(&mut self, input: &[f64], out: &mut [f64]) {
        self.output(out);
        add_scaled(out, self.system.direct, input);
        self.input.copy_from_slice(input);
        self.move_on();
    }

    fn move_on(&mut self) {
        let (n, width) = (self.system.n_states(), self.n_copies);
        for row in 0..n {
            let next = &mut self.next[row * width..][..width];
            next.fill(0.0);
            for (&gain, state) in self.system.a[row * n..][..n].iter().zip(self.states.chunks_exact(width)) {
                add_scaled(next, gain, state);
            }
            add_scaled(next, self.system.b[row], &self.input);
        }
        std::mem::swap(&mut self.states, &mut self.next);
    }
}

impl Plant for Linear {
    fn n_copies(&self) -> usize {
        self.n_copies
    }

    fn rest(&mut self) {
        self.states.fill(0.0);
    }

    fn output(&self, out: &mut [f64]) {
        out.fill(0.0);
        for (&gain, state) in self.system.c.iter().zip(self.states.chunks_exact(self.n_copies)) {
            add_scaled(out, gain, state);
        }
    }

    fn direct(&self) -> f64 {
        self.system.direct
    }

    fn advance(&mut self, command: &[f64], load: &[f64]) {
        for ((input, command), load) in self.input.iter_mut().zip(command).zip(load) {
            *input = command + load;
        }
        self.move_on();
    }
}

/// Matrices of plants are sparse more often than not.
fn add_scaled(out: &mut [f64], gain: f64, values: &[f64]) {
    if gain != 0.0 {
        for (out, value) in out.iter_mut().zip(values) {
            *out += gain * value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A leaky integrator and what leaks out of it, added up.
    fn system() -> StateSpace {
        StateSpace::new("plant", vec![0.5, 0.0, 0.5, 1.0], vec![2.0, 0.0], vec![1.0, -1.0], 3.0).unwrap()
    }

    #[test]
    fn an_impulse_meets_the_markov_parameters() {
        let mut plant = Linear::new(system(), 2);
        let mut out = [0.0; 2];
        // D, CB, CAB, CA²B … by hand: s₁ is 2·½ⁿ⁻¹ and s₂ = 2(1 − ½ⁿ⁻¹).
        for n in 0..6 {
            plant.respond(&[f64::from(u8::from(n == 0)), 0.0], &mut out);
            let expected = if n == 0 { 3.0 } else { 2.0 * (2.0 * 0.5_f64.powi(n - 1) - 1.0) };
            assert_eq!(out, [expected, 0.0]);
        }
        plant.rest();
        plant.output(&mut out);
        assert_eq!(out, [0.0; 2]);
    }

    #[test]
    fn a_system_without_states_is_a_gain() {
        let mut gain = Linear::new(StateSpace::new("controller", vec![], vec![], vec![], -2.0).unwrap(), 1);
        let mut out = [7.0];
        gain.respond(&[1.5], &mut out);
        assert_eq!(out, [-3.0]);
    }

    #[test]
    fn matrices_that_do_not_fit_are_refused() {
        assert!(StateSpace::new("plant", vec![1.0; 3], vec![1.0; 2], vec![1.0; 2], 0.0).is_err());
        assert!(StateSpace::new("plant", vec![1.0; 4], vec![1.0; 2], vec![1.0; 1], 0.0).is_err());
        let error = StateSpace::new("plant", vec![f64::NAN], vec![1.0], vec![1.0], 0.0).unwrap_err();
        assert_eq!(error.to_string(), "plant is NaN, expected finite coefficients");
    }
}
