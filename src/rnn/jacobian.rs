//! The noise-free step as a map of states, s ↦ F(s, x), and its exact Jacobian, for fixed points and stability.
//!
//! ```text
//! J[k, l] = ∂F_k/∂s_l     row k is the adjoint of one step, started from the unit vector k
//! ```
//! Output feedback without further delay belongs to the map: y = W_out r + b_out is folded into the recurrent weights
//! (W + W_fb W_out; low rank: [U, W_fb] and [V, W_outᵀ]). Spiking units have the surrogate's Jacobian.

use std::borrow::Cow;

use super::adjoint::{ActivityCost, Adjoint, Carry, Errors, adjoint};
use super::forward::{Inputs, forward};
use super::network::Network;
use super::perturbation::Perturbation;
use super::run::unpadded;
use super::state::{Place, State, variables};
use super::structure::Cell;
use super::sums::Sums;
use super::tape::Tape;
use super::wiring::Wiring;
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// A network as a map of its states.
pub struct StepMap<'n, R: Real> {
    wiring: Wiring<'n, R>,
    places: Vec<(&'static str, Place)>,
}

impl<'n, R: Real> StepMap<'n, R> {
    /// Refuses networks whose next state depends on more than state and input.
    pub fn new(network: &'n Network<R>) -> Result<Self> {
        let structure = network.structure();
        if structure.has_delays() {
            return Err(Error::value(
                "delays",
                "not zero",
                "a network without delays: its state would be a history",
            ));
        }
        let network = if structure.feedback { Cow::Owned(folded(network)?) } else { Cow::Borrowed(network) };
        let wiring = match network {
            Cow::Borrowed(network) => Wiring::new(network),
            Cow::Owned(network) => Wiring::owning(network),
        };
        let places = variables(&wiring);
        Ok(Self { wiring, places })
    }

    /// Numbers in a state.
    pub fn n_state(&self) -> usize {
        self.places.len() * self.wiring.network.structure().n_units
    }

    fn check(&self, states: &[R], inputs: &[R]) -> Result<usize> {
        let (n_state, n_inputs) = (self.n_state(), self.wiring.network.structure().n_inputs);
        if !states.len().is_multiple_of(n_state) || states.is_empty() {
            return Err(Error::shape("states", &[states.len()], format!("(points, {n_state})")));
        }
        let n_points = states.len() / n_state;
        if inputs.len() != n_points * n_inputs {
            return Err(Error::shape("inputs", &[inputs.len()], format!("({n_points}, {n_inputs})")));
        }
        for (argument, values) in [("states", states), ("inputs", inputs)] {
            if values.iter().any(|v| !v.to_f64().is_finite()) {
                return Err(Error::value(argument, "not finite", "finite numbers"));
            }
        }
        Ok(n_points)
    }

    /// One step from `n` states given as points × state, into the tape.
    fn step(&self, states: &[R], inputs: &[R], n_points: usize) -> Result<(State<R>, Tape<R>)> {
        let structure = self.wiring.network.structure();
        let n = structure.n_units;
        let rows: Vec<(&str, Vec<R>)> = self
            .places
            .iter()
            .enumerate()
            .map(|(index, (name, _))| {
                let of_point = |state: &'_ [R]| state[index * n..(index + 1) * n].to_vec();
                (*name, states.chunks_exact(self.n_state()).flat_map(of_point).collect())
            })
            .collect();
        let given: Vec<(&str, &[R])> = rows.iter().map(|(name, rows)| (*name, &rows[..])).collect();
        let mut state = State::initial(&self.wiring, 0, n_points, n_points, &given, None)?;
        let mut tape = Tape::default();
        let inputs = Inputs { values: inputs, n_steps: 1, n_inputs: structure.n_inputs };
        forward(&self.wiring, inputs, 1, &Perturbation::default(), None, &mut state, &mut tape);
        Ok((state, tape))
    }

    /// F(s, x) of many points: points × state.
    pub fn advance(&self, states: &[R], inputs: &[R]) -> Result<Vec<R>> {
        let n_points = self.check(states, inputs)?;
        let n = self.wiring.network.structure().n_units;
        let (state, _) = self.step(states, inputs, n_points)?;
        let parts: Vec<Vec<R>> =
            self.places.iter().map(|(_, place)| unpadded(&state, *place, self.wiring.width, n)).collect();
        Ok((0..n_points)
            .flat_map(|point| parts.iter().flat_map(move |part| &part[point * n..(point + 1) * n]))
            .copied()
            .collect())
    }

    /// J of many points: points × state × state.
    pub fn jacobian(
        &self,
        states: &[R],
        inputs: &[R],
        threads: &Threads,
        monitor: &mut dyn Monitor,
    ) -> Result<Vec<R>> {
        let n_points = self.check(states, inputs)?;
        let (n_state, n_inputs) = (self.n_state(), self.wiring.network.structure().n_inputs);
        let one_point = |point: usize, stop: &dyn Fn() -> bool| {
            if stop() {
                return Err(Error::Interrupted);
            }
            let state = &states[point * n_state..(point + 1) * n_state];
            self.one(state, &inputs[point * n_inputs..(point + 1) * n_inputs])
        };
        let each = threads.map_polled(n_points, one_point, &mut |done| {
            monitor.report(Progress { done, total: n_points, loss: 0.0 }) == Flow::Continue
        });
        Ok(each.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }

    /// J of one point: as many copies of it as units, each with the unit vector of another.
    fn one(&self, state: &[R], inputs: &[R]) -> Result<Vec<R>> {
        let (n, width) = (self.wiring.network.structure().n_units, self.wiring.width);
        let (_, tape) = self.step(&state.repeat(n), &inputs.repeat(n), n)?;
        let zero = vec![R::ZERO; n * self.wiring.output_width];
        let (cost, perturbation) = (ActivityCost::default(), Perturbation::default());
        let errors = Errors { output: &zero, activity: &cost, perturbation: &perturbation };
        let (mut buffers, mut carry, mut sums) = (Adjoint::default(), Carry::default(), Sums::default());
        let mut rows = Vec::with_capacity(self.n_state() * self.n_state());
        for (_, from) in &self.places {
            carry.clear(&self.wiring, n);
            sums.clear(&self.wiring);
            let size = n * width;
            let seeds = match from {
                Place::Activity => &mut carry.activity[..],
                Place::Memory(index) => &mut carry.memory[index * size..(index + 1) * size],
            };
            for unit in 0..n {
                seeds[unit * width + unit] = R::ONE;
            }
            adjoint(&self.wiring, &tape, &errors, 0..1, &mut buffers, &mut carry, &mut sums);
            let start = tape.activity_before(0, width);
            self.wiring.dynamics.pull_back_initial(start, &mut carry.activity, &mut carry.memory);
            for unit in 0..n {
                for (_, to) in &self.places {
                    let values = match to {
                        Place::Activity => &carry.activity[..],
                        Place::Memory(index) => &carry.memory[index * size..(index + 1) * size],
                    };
                    rows.extend_from_slice(&values[unit * width..][..n]);
                }
            }
        }
        Ok(rows)
    }
}

/// The same map with the output's feedback among the recurrent weights.
fn folded<R: Real>(network: &Network<R>) -> Result<Network<R>> {
    let structure = network.structure();
    if !matches!(structure.cell, Cell::Rate { .. } | Cell::Lstm) {
        return Err(Error::value(
            "feedback",
            true,
            "a network of rate or LSTM units, or without output feedback: elsewhere it is no recurrent weight",
        ));
    }
    let (n, o) = (structure.n_units, structure.n_outputs);
    let (w_fb, w_out, b_out) = (network.values("W_fb"), network.values("W_out"), network.values("b_out"));
    let mut parameters = crate::network::parameters::Parameters::new();
    for entry in network.parameters().iter().filter(|p| p.name != "W_fb") {
        let (mut shape, mut values) = (entry.shape.clone(), entry.values.clone());
        match entry.name.as_str() {
            "W" => {
                for (row, feedback) in values.chunks_exact_mut(n).zip(w_fb.chunks_exact(o)) {
                    for (weight, output) in feedback.iter().zip(w_out.chunks_exact(n)) {
                        for (value, &w) in row.iter_mut().zip(output) {
                            *value += *weight * w;
                        }
                    }
                }
            }
            "U" | "V" => {
                let rank = shape[1];
                let more = |row: usize, column: usize| {
                    if entry.name == "U" { w_fb[row * o + column] } else { w_out[column * n + row] }
                };
                values = (0..shape[0])
                    .flat_map(|row| {
                        let old = &entry.values[row * rank..(row + 1) * rank];
                        old.iter().copied().chain((0..o).map(move |column| more(row, column)))
                    })
                    .collect();
                shape[1] = rank + o;
            }
            _ => {}
        }
        parameters.push(entry.name.clone(), &shape, values)?;
    }
    if !b_out.is_empty() {
        let rows = structure.cell.n_gates() * n;
        if parameters.get("b").is_none() {
            parameters.push("b", &[rows], vec![R::ZERO; rows])?;
        }
        if let Some(bias) = parameters.get_mut("b") {
            for (value, feedback) in bias.values.iter_mut().zip(w_fb.chunks_exact(o)) {
                for (&weight, &b) in feedback.iter().zip(b_out) {
                    *value += weight * b;
                }
            }
        }
    }
    let structure =
        super::structure::Structure { feedback: false, noise: 0.0, input_noise: 0.0, ..structure.clone() };
    Network::new(structure, super::network::Constraints::default(), parameters)
}
