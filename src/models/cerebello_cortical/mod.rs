//! A cortex and a cerebellum that learn a movement together: many trials of reaching, one after the other.
//!
//! ```text
//! cue             (x, y) = R(ψ + χ) (cos θ, sin θ) while it is shown, else 0
//!                 k_j = |(x, y)| exp(κ (x cos θ_j + y sin θ_j − 1))                                 tuned cells
//! mossy fibres    ξ_t = a ⊙ ([r_{t−1} at the sources; x; y; hold; s_{t−d} − s_0] − z)
//! cerebellum      c_t = W_pf g_t,   q_t = W_q g_t,   both 0 where it is blocked;   g: granule layer of ξ
//! cortex          r_t, y_t = step of the network with the input [k_t; hold; c_t; q_t],   y = W_o r + b_o
//! error           e_t = k_p (p*_{t−d} − h_{t−d}) + k_v (v*_{t−d} − ḣ_{t−d}),   h = R(φ) (p − p_0): the hand as it is seen
//!                 ε_t = J(s_{t−d})ᵀ e_t
//! command         m_t = y_t + c_t + ρ ε_t
//! limb            s_{t+1} = one step of the body under m_t, in its field and between the walls of a channel if there is one
//!
//! fast            ΔW_pf = η_f ε_t E_tᵀ within the trial, −λ_f W_pf at its end            (the module's plasticity)
//! plan            W_q ← W_q⁰ + (1 − λ_f)(W_q + η_q δ' q̂⊥ ĝᵀ/|ĝ|² − W_q⁰),   q̂ = W_q ĝ
//! slow            ΔW_o = η_s Σ_t c_t r_tᵀ,   W_o ← W_o⁰ + (1 − λ_s)(W_o − W_o⁰)
//!                 χ ← (1 − λ_s) χ + ν (x q̄_y − y q̄_x),   q̄: what the cortex got of the plan, 0 if it got none
//! aim             ψ ← (1 − λ_a) ψ + η_a δ
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | (cos θ, sin θ), hold | `inputs` | trials × steps × 3 |
//! | p*, v* | `target`, metres from the start and metres per second | trials × steps × 4 |
//! | s; p, v | state of the body; `hand`, before the step | 4; trials × steps × 4 |
//! | F, φ | `field`, N s/m, row by row; `rotation`, radians | per trial |
//! | d | `delay`, steps until the hand is seen and the limb is felt | |
//! | ρ | `reflex`, share of the error that is corrected at once | |
//! | q, W_q | `plan` | trials × steps × 2; 2 × granule cells |
//! | ĝ | mean of g over `preparing`, q̄ likewise | granule cells |
//! | q̂⊥ | q̂ turned by 90°, so that the plan turns by the error of direction | 2 |
//! | δ | error of the movement: angle from the seen hand to the target, at `step`, radians | per trial |
//! | δ' | what of it is an error of planning: δ less the angle from the hand to the plan (q̄, or where it is shorter than ½ the cue) | per trial |
//! | χ, ψ | `turn`, of the cortex; `aim`, a strategy | per trial |
//!
//! Before step d the limb is felt as in the start, and r_{−1} = 0. (x, y) is the turned cue wherever it stands, and ψ turns it
//! in all trials of a session; what does not learn in a trial does not forget in it either.
//!
//! In a channel the limb moves between stiff walls along the line to the target; only the part of e along this line exists,
//! taken of the seen hand, and δ = δ' = 0: an error clamp. The slow rules are what the project's
//! theory asks for: the cortex learns from the output of the cerebellum, not from the error. A force field bends the hand
//! away from the plan, which is no error of planning; a rotation turns what is seen against what is felt, which is one.
//!
//! The equations are a design of this package, after Smith, Ghazizadeh & Shadmehr 2006 (fast and slow states), Kawato,
//! Furukawa & Suzuki 1987 (the reflex as teacher) and Israely et al. 2025 (low-dimensional cerebellar input during
//! preparation); no published two-region model is known.

mod check;
mod learning;
mod limb;
mod session;

pub use limb::{Kind, Limb, Senses};
pub use session::run;

use std::ops::Range;

/// How the cortex learns from the cerebellum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slow {
    /// η_s.
    pub rate: f64,
    /// ν.
    pub turn_rate: f64,
    /// λ_s, of each trial.
    pub forgetting: f64,
}

/// How the cerebellum's plan is learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Planning<R> {
    /// η_q.
    pub rate: f64,
    /// λ_f, of each trial.
    pub forgetting: f64,
    /// W_q⁰.
    pub rest: Vec<R>,
}

/// How the aim follows what was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aiming {
    /// η_a.
    pub rate: f64,
    /// λ_a, of each trial.
    pub forgetting: f64,
}

/// Cells of the cue.
#[derive(Debug, Clone, PartialEq)]
pub struct Cue {
    /// (cos θ_j, sin θ_j).
    pub directions: Vec<[f64; 2]>,
    /// κ.
    pub sharpness: f64,
}

/// What does not change in a session.
#[derive(Debug, Clone)]
pub struct Settings<R> {
    /// Cortical units that send mossy fibres.
    pub sources: Vec<usize>,
    /// z.
    pub shift: Vec<R>,
    /// a.
    pub scale: Vec<R>,
    /// Granule cells that are recorded.
    pub recorded: Vec<usize>,
    /// What is moved.
    pub limb: Limb,
    /// What is seen of it, and when.
    pub senses: Senses,
    /// Tuned cells.
    pub cue: Cue,
    /// Steps from the cue to the go signal.
    pub preparing: Range<usize>,
    /// Step at which the direction of the hand counts.
    pub step: usize,
    /// The plan's learning.
    pub planning: Planning<R>,
    /// The cortex's learning.
    pub slow: Slow,
    /// The aim's.
    pub aiming: Aiming,
    /// W_o⁰: outputs × units.
    pub rest: Vec<R>,
}

/// What is learned outside the module.
#[derive(Debug, Clone)]
pub struct Memory<R> {
    /// W_o.
    pub readout: Vec<R>,
    /// W_q.
    pub plan: Vec<R>,
    /// χ.
    pub turn: f64,
}

/// What one trial is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// F, row by row.
    pub field: [f64; 4],
    /// φ.
    pub rotation: f64,
    /// Whether the hand is held on the line to the target.
    pub channel: bool,
    /// What learns, and forgets.
    pub learns: Learns,
}

/// What learns in a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Learns {
    /// The cerebellum.
    pub fast: bool,
    /// The cortex.
    pub slow: bool,
    /// The aim.
    pub aim: bool,
}

/// The trials of a session.
#[derive(Debug, Clone, Copy)]
pub struct Trials<'a, R> {
    /// (cos θ, sin θ) and hold.
    pub inputs: &'a [R],
    /// p* and v*.
    pub target: &'a [f64],
    /// One for each trial.
    pub conditions: &'a [Condition],
    /// Steps at which the cerebellum is blocked: trials × steps.
    pub blocked: &'a [bool],
    /// Whether q is (x, y) itself, as in a cerebellum that has learned it.
    pub given: bool,
    /// Steps.
    pub n_steps: usize,
    /// Of the network's noise.
    pub seed: Option<u64>,
}

/// What a session was: trials × steps × as many as there are of each.
#[derive(Debug, Clone)]
pub struct Session<R> {
    /// p and v.
    pub hand: Vec<f64>,
    /// s.
    pub body: Vec<f64>,
    /// y, what the cortex commands.
    pub cortical: Vec<R>,
    /// c, what the cerebellum adds.
    pub nuclei: Vec<R>,
    /// q.
    pub plan: Vec<R>,
    /// ε.
    pub errors: Vec<R>,
    /// r.
    pub activity: Vec<R>,
    /// g of the recorded cells.
    pub granule: Vec<R>,
    /// ψ in each trial.
    pub aim: Vec<f64>,
    /// χ in each trial.
    pub turn: Vec<f64>,
    /// After the last trial.
    pub memory: Memory<R>,
}
