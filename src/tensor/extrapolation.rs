//! Block descent with extrapolation between sweeps: the loop that all alternating fits of this room share.
//!
//! A sweep sets each block of unknowns to its minimum given the others, or closer to it. Alone that crawls where blocks
//! depend on one another (swamps of nearly collinear components, spans that zigzag). After a sweep that led from x' to
//! x, the next one therefore starts at x + β (x − x'). If it ends above the loss of x, it is thrown away, the sweep is
//! repeated from x itself (which cannot end above), and β shrinks; else β grows. So the recorded losses never rise.
//! (The idea is Bro's line search, 1998, with the restarts of Ang, Cohen, Gillis & Le Thi 2020.)

use crate::error::{Error, Result};
use crate::monitor::Outcome;

/// Sweeps in a row whose gain is below the tolerance before that counts as convergence.
const PATIENCE: usize = 2;

/// β of the first extrapolation, its growth and its fall, and where it ends.
pub struct Schedule {
    /// β of the first extrapolation.
    pub first: f64,
    /// Factor after a success.
    pub growth: f64,
    /// Factor after a failure.
    pub fall: f64,
    /// β at the most.
    pub largest: f64,
}

/// A problem that is descended block by block.
pub trait Blocks {
    /// All unknowns.
    type State: Clone;
    /// How boldly to extrapolate.
    const SCHEDULE: Schedule;

    /// Improves every block in turn; the loss afterwards, no higher than before.
    fn sweep(&self, state: &mut Self::State) -> Result<f64>;

    /// now + β (now − before), where that is admissible.
    fn extrapolated(&self, now: &Self::State, before: &Self::State, beta: f64) -> Self::State;
}

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Sweeps at the most.
    pub max_iter: usize,
    /// Gain of a sweep, as a share of the loss, that no longer counts.
    pub tol: f64,
    /// Part of the loss that these sweeps cannot change (what a compression left out).
    pub beyond: f64,
    /// Gains below this are rounding: losses are differences of larger sums.
    pub noise: f64,
    /// The loss at the start, if it is known: then one sweep that gains nothing ends the descent.
    pub reached: f64,
}

impl Limits {
    /// The two that users choose; no noise, nothing beyond, an unknown start.
    pub fn new(max_iter: usize, tol: f64) -> Self {
        Self { max_iter, tol, beyond: 0.0, noise: 0.0, reached: f64::INFINITY }
    }
}

/// Where a descent ended.
#[derive(Debug, Clone)]
pub struct Descent<S> {
    /// The unknowns.
    pub state: S,
    /// The loss after each sweep that counted.
    pub history: Vec<f64>,
    /// Why it ended.
    pub outcome: Outcome,
}

impl<S> Descent<S> {
    /// The loss at the end.
    pub fn loss(&self) -> f64 {
        self.history.last().copied().unwrap_or(f64::INFINITY)
    }

    /// Goes on where another descent, which began here, ended.
    pub fn append(&mut self, mut next: Self) {
        self.history.append(&mut next.history);
        self.state = next.state;
        self.outcome = next.outcome;
    }
}

/// Descends from `state`. After each sweep `go_on(sweeps, loss)` is asked.
pub fn descend<B: Blocks>(
    blocks: &B,
    mut state: B::State,
    limits: Limits,
    go_on: &mut dyn FnMut(usize, f64) -> bool,
) -> Result<Descent<B::State>> {
    let mut history: Vec<f64> = Vec::new();
    let mut before: Option<B::State> = None;
    let (mut beta, mut still) =
        (B::SCHEDULE.first, if limits.reached.is_finite() { PATIENCE - 1 } else { 0 });
    let mut outcome = Outcome::IterationsExhausted;
    for iteration in 1..=limits.max_iter {
        let last = history.last().copied().unwrap_or(limits.reached);
        let mut next = match &before {
            Some(before) => blocks.extrapolated(&state, before, beta),
            None => state.clone(),
        };
        let mut swept = blocks.sweep(&mut next);
        if before.is_some()
            && let Ok(loss) = swept
        {
            if loss <= last {
                beta = (beta * B::SCHEDULE.growth).min(B::SCHEDULE.largest);
            } else {
                beta *= B::SCHEDULE.fall;
                next.clone_from(&state);
                swept = blocks.sweep(&mut next);
            }
        }
        if matches!(swept, Err(Error::Interrupted)) && !history.is_empty() {
            // Stopped in the middle of a sweep: the one before it stands.
            outcome = Outcome::Interrupted;
            break;
        }
        let loss = swept?;
        before = Some(std::mem::replace(&mut state, next));
        // A plain sweep rises by no more than rounding.
        let loss = loss.min(last);
        history.push(loss);
        if !go_on(iteration, loss) {
            outcome = Outcome::Interrupted;
            break;
        }
        let gained = last - loss > (limits.tol * (loss + limits.beyond)).max(limits.noise);
        still = if gained { 0 } else { still + 1 };
        if still >= PATIENCE || loss == 0.0 {
            outcome = Outcome::Converged;
            break;
        }
    }
    Ok(Descent { state, history, outcome })
}
