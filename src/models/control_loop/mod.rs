//! A recurrent network that moves a body, in one loop: what it sees and feels comes late and noisy, and a loss is led back
//! through everything.
//!
//! ```text
//! o_t = [task_t, g_e (C (x, ẋ)_{t−e} + ξ − c_e), g_f (limbs_{t−f} + ξ' − c_f)]        what is sensed before the start is the start
//! h_t = cell(h_{t−1}, o_t),   y_t = W_out h_t + b_out
//! p_t = y_t, u_t = U y_t   or   p_t = u_t = σ(y_t)
//! s_{t+1} = f(s_t, u_t, F)
//!
//! L = 1/(B T) Σ_{b,t} [ a_{bt} ρ(C x_{t+1} − x*_t) + v_{bt} ‖ẋ_{t+1}‖² ]
//!   + k_u ⟨p_t²⟩ + k_du ⟨(p_t − p_{t−1})²⟩ + k_h ⟨h_t²⟩ + k_dh ⟨(h_t − h_{t−1})²⟩
//! ρ(d) = ‖d‖²   or   √(‖d‖² + r²) − r
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | task | `task`: targets and signals, as the network gets them | (B, T, task inputs) |
//! | e, f | `delay` of eyes and limbs, steps | () |
//! | ξ | noise of standard deviation `noise` | (channel) |
//! | g, c | `gain`, `offset` | (channel) |
//! | C | [`Cursor`]: what is seen of the hand, a linear map about a place | |
//! | s, x, ẋ | states of the body, its hand | (B, T + 1, states), (B, T + 1, 4) |
//! | u, p | `controls`, and what effort is counted in | (B, T, controls) |
//! | x*, a, v | `targets`, `position_weights`, `velocity_weights` | (B, T, 2), (B, T), (B, T) |
//! | ρ, r | [`Costs::radius`] | () |
//! | ⟨·⟩ | mean over trials, steps and controls or units; differences begin at the second step | |
//!
//! Back-propagation through time, exact: where a step has a kink, the gradient is that of the side that was taken. A policy trained
//! through a differentiable arm is what MotorNet does (Codol et al. 2024, eLife 12:RP88591), after which the loss is formed: there the
//! distance is the sum of the axes' absolute values, here it is Euclidean and smooth at zero. The body moves in double precision, the
//! network in its own.

use crate::error::{Error, Result};
use crate::monitor::Stop;
use crate::network::parameters::Parameters;
use crate::numerics::parallel::Threads;
use crate::plant::body::Stepping;
use crate::plant::field::Field;
use crate::plant::senses::Senses;
use crate::real::Real;
use crate::rnn::network::Network;
use crate::rnn::sums::zero_gradient;
use crate::rnn::wiring::Wiring;

mod back;
mod block;
mod check;
mod forward;
mod objective;
#[cfg(test)]
mod tests;

pub use block::Workspace;
pub use objective::{Costs, Terms};

/// Trials below which a block of them is not cut further.
const FEW: usize = 32;

/// A sense: what comes of it, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Steps.
    pub delay: usize,
    /// Standard deviations, in the units of what is sensed.
    pub noise: Vec<f64>,
    /// What the network gets of it is `gain` times what is sensed, less the offset.
    pub gain: Vec<f64>,
    /// In the units of what is sensed.
    pub offset: Vec<f64>,
}

/// What outputs do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Drive {
    /// They are controls, in units of U.
    Linear(f64),
    /// Controls are σ of them.
    Sigmoid,
}

/// What is seen of a hand: M (x − o) + o and M ẋ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cursor {
    /// M, rows in a row.
    pub matrix: [f64; 4],
    /// o.
    pub origin: [f64; 2],
}

impl Cursor {
    /// Where it is, and how fast it moves.
    pub fn of(&self, hand: [f64; 4]) -> [f64; 4] {
        let ([a, b, c, d], [ox, oy]) = (self.matrix, self.origin);
        let [x, y] = [hand[0] - ox, hand[1] - oy];
        [a * x + b * y + ox, c * x + d * y + oy, a * hand[2] + b * hand[3], c * hand[2] + d * hand[3]]
    }

    /// Gradients by the hand, of those by the cursor.
    pub fn pull_back(&self, d: [f64; 4]) -> [f64; 4] {
        let [m11, m12, m21, m22] = self.matrix;
        [m11 * d[0] + m21 * d[1], m12 * d[0] + m22 * d[1], m11 * d[2] + m21 * d[3], m12 * d[2] + m22 * d[3]]
    }
}

/// Everything about the loop but network and trials.
#[derive(Debug, Clone, PartialEq)]
pub struct World<B> {
    /// What is moved.
    pub body: B,
    /// How steps are taken.
    pub stepping: Stepping,
    /// Position of the cursor, or position and velocity.
    pub vision: Option<Channel>,
    /// Limbs.
    pub proprioception: Option<Channel>,
    /// What outputs do.
    pub drive: Drive,
    /// What is lowered.
    pub costs: Costs,
}

/// What trials are made of.
#[derive(Debug, Clone, Copy)]
pub struct Trials<'a, R> {
    /// B.
    pub n_trials: usize,
    /// T.
    pub n_steps: usize,
    /// First states, (B, states).
    pub start: &'a [f64],
    /// Inputs of the task, (B, T, task inputs).
    pub task: &'a [R],
    /// (B, T, 2).
    pub targets: &'a [f64],
    /// (B, T).
    pub position_weights: &'a [f64],
    /// (B, T).
    pub velocity_weights: &'a [f64],
    /// One for all trials, or one for each.
    pub fields: &'a [Field],
    /// One for all trials, or one for each.
    pub cursors: &'a [Cursor],
    /// Other forces on the hand, (B, T, 2), or none.
    pub loads: Option<&'a [f64]>,
    /// Of the noise, a stream for each trial; without it there is none.
    pub seed: Option<u64>,
}

impl<R> Trials<'_, R> {
    fn field(&self, trial: usize) -> &Field {
        &self.fields[if self.fields.len() == 1 { 0 } else { trial }]
    }

    fn cursor(&self, trial: usize) -> &Cursor {
        &self.cursors[if self.cursors.len() == 1 { 0 } else { trial }]
    }

    fn load(&self, trial: usize, step: usize) -> [f64; 2] {
        let at = 2 * (trial * self.n_steps + step);
        self.loads.map_or([0.0; 2], |loads| [loads[at], loads[at + 1]])
    }
}

impl<B: Senses> World<B> {
    /// Numbers of vision and of proprioception.
    fn widths(&self) -> [usize; 2] {
        [&self.vision, &self.proprioception].map(|channel| channel.as_ref().map_or(0, |c| c.gain.len()))
    }

    /// Moves the body through all trials. What happened is in the workspace.
    pub fn run<R: Real>(
        &self,
        network: &Network<R>,
        trials: &Trials<'_, R>,
        workspace: &mut Workspace<R>,
        threads: &Threads,
        stop: &Stop,
    ) -> Result<Terms> {
        self.check(network, trials)?;
        let wiring = Wiring::new(network);
        workspace.cut(trials.n_trials)?;
        let ran = threads
            .map_chunks(&mut workspace.blocks, 1, |_, block| block[0].forward(self, &wiring, trials, stop));
        Terms::sum(ran, trials)
    }

    /// The same, and the gradient of the loss by the weights.
    pub fn gradient<R: Real>(
        &self,
        network: &Network<R>,
        trials: &Trials<'_, R>,
        workspace: &mut Workspace<R>,
        threads: &Threads,
        stop: &Stop,
    ) -> Result<(Terms, Parameters<R>)> {
        self.check(network, trials)?;
        let wiring = Wiring::new(network);
        let senses = back::SenseWeights::new(network, &wiring);
        workspace.cut(trials.n_trials)?;
        let ran = threads.map_chunks(&mut workspace.blocks, 1, |_, block| {
            let terms = block[0].forward(self, &wiring, trials, stop)?;
            block[0].go_back(self, &wiring, &senses, trials, stop)?;
            Ok(terms)
        });
        let terms = Terms::sum(ran, trials)?;
        let mut gradient = zero_gradient(network);
        for block in &workspace.blocks {
            block.sums.add_to(&wiring, &mut gradient);
        }
        network.constrain_gradient(&mut gradient);
        if !gradient.all_finite() {
            return Err(Error::Diverged { what: "the gradient", place: String::new() });
        }
        Ok((terms, gradient))
    }
}
