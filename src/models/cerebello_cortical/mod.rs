//! A cortex and a cerebellum that learn a movement together: many trials of reaching, one after the other.
//!
//! ```text
//! mossy fibres    ξ_t = a ⊙ ([r_{t−1} at the sources; u_t; p_{t−d}; v_{t−d}] − z)
//! cerebellum      c_t = nuclei of ξ_t, 0 where it is blocked
//! cortex          r_t, y_t = step of the network with the input [u_t; c_t],  y = W_o r + b_o
//! command         m_t = y_t + c_t + ρ e_t
//! error           e_t = k_p (p*_{t−d} − s_{t−d}) + k_v (v*_{t−d} − ṡ_{t−d}),   s = R(φ) p, what is seen
//! hand            μ v̇ = m_t + F v,   v_{t+1} = v_t + dt v̇,   p_{t+1} = p_t + dt v_{t+1}
//!
//! fast            ΔW_pf = η_f e_t E_tᵀ within the trial, −λ_f W_pf at its end          (the module's plasticity)
//! slow            ΔW_o  = η_s Σ_t c_t r_tᵀ − λ_s (W_o − W_o⁰) at the end of the trial
//! aim             ψ ← (1 − λ_a) ψ + η_a (target − seen direction),  the cue of u is turned by ψ
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | u | `inputs`; the first two are the cue | trials × steps × inputs |
//! | p*, v* | `plan`, metres and metres per second | trials × steps × 4 |
//! | p, v | `hand`, before the step | trials × steps × 4 |
//! | F, φ | `field`, N s/m, row by row; `rotation`, radians | per trial |
//! | d | `delay`, steps until the hand is seen | |
//! | ρ | `reflex`, share of the error that is corrected at once | |
//! | η_s, λ_s | `Slow` | |
//!
//! In a channel trial the hand moves on the line to the target alone, errors across it do not exist, and the command
//! across it is what a force sensor in the wall would show. The slow rule is what the project's theory asks for: the cortex
//! learns from the output of the cerebellum, not from the error. Semi-implicit Euler.
//!
//! The equations are a design of this package, after Smith, Ghazizadeh & Shadmehr 2006 (fast and slow states) and Kawato's
//! feedback-error learning (the reflex as teacher); no published two-region model is known.

mod session;
mod world;

pub use session::run;
pub use world::{Body, Senses};

/// How the cortex learns from the cerebellum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slow {
    /// η_s.
    pub rate: f64,
    /// λ_s, of each trial.
    pub forgetting: f64,
}

/// How the aim follows what was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aiming {
    /// η_a.
    pub rate: f64,
    /// λ_a, of each trial.
    pub forgetting: f64,
    /// Step at which the direction of the hand counts.
    pub step: usize,
}

/// What does not change in a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings<R> {
    /// Cortical units that send mossy fibres.
    pub sources: Vec<usize>,
    /// z.
    pub shift: Vec<R>,
    /// a.
    pub scale: Vec<R>,
    /// The limb.
    pub body: Body,
    /// What is seen of it, and when.
    pub senses: Senses,
    /// The cortex's learning.
    pub slow: Slow,
    /// The aim's.
    pub aiming: Aiming,
    /// W_o⁰: outputs × units.
    pub rest: Vec<R>,
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
    /// The synapses of parallel fibres.
    pub fast: bool,
    /// The cortex.
    pub slow: bool,
    /// The aim.
    pub aim: bool,
}

/// The trials of a session.
#[derive(Debug, Clone, Copy)]
pub struct Trials<'a, R> {
    /// u.
    pub inputs: &'a [R],
    /// p* and v*.
    pub plan: &'a [f64],
    /// One for each trial.
    pub conditions: &'a [Condition],
    /// Steps at which the cerebellum is blocked: trials × steps.
    pub blocked: &'a [bool],
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
    /// y, what the cortex commands.
    pub cortical: Vec<R>,
    /// c, what the cerebellum adds.
    pub nuclei: Vec<R>,
    /// e.
    pub errors: Vec<R>,
    /// r.
    pub activity: Vec<R>,
    /// ψ in each trial.
    pub aim: Vec<f64>,
    /// W_o after the last trial.
    pub readout: Vec<R>,
}
