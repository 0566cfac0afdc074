//! Leaky integrate-and-fire units, with or without an adaptive threshold (Bellec et al. 2020, Nat Commun 11:3625).
//!
//! ```text
//! v ← κ_m v + z − θ s⁻,   a ← ρ a + s⁻,   A = θ + β a,   r = s = H(v − A),   q ← κ q + (1 − κ) s     (outputs read q)
//!
//! ψ = γ/θ max(0, 1 − |v − A|/θ)          stands in for ds/dv; ds/da = −β ψ
//! λ_s = λ + (1 − κ) μ_q,   μ_v += ψ λ_s,   μ_a −= β ψ λ_s,   δ = μ_v
//! μ_v⁻ = κ_m μ_v,   μ_a⁻ = ρ μ_a,   μ_q⁻ = κ μ_q,   λ⁻ = μ_a        (the reset by θ s⁻ counts as a constant)
//! ```
//! Memories: v, q and, with adaptation, a.

use super::{Dynamics, PullBack, Readout, SINGLE, Segment, Step};
use crate::real::Real;
use crate::rnn::structure::Spiking;

pub struct Units {
    pub spiking: Spiking,
}

const FILTERED: usize = 1;

/// The constants of a unit in the network's precision.
struct Constants<R> {
    decay: R,
    kappa: R,
    theta: R,
    rho: R,
    beta: R,
    gamma: R,
}

impl Units {
    fn constants<R: Real>(&self) -> Constants<R> {
        let adaptation = self.spiking.adaptation;
        Constants {
            decay: R::from_f64(self.spiking.decay),
            kappa: R::from_f64(self.spiking.readout_decay),
            theta: R::from_f64(self.spiking.threshold),
            rho: R::from_f64(adaptation.map_or(0.0, |a| a.decay)),
            beta: R::from_f64(adaptation.map_or(0.0, |a| a.strength)),
            gamma: R::from_f64(self.spiking.surrogate),
        }
    }
}

impl<R: Real> Dynamics<R> for Units {
    fn segments(&self) -> &'static [Segment] {
        &SINGLE
    }
    fn n_slots(&self) -> usize {
        1
    }
    fn candidate(&self) -> usize {
        0
    }
    fn memories(&self) -> &'static [&'static str] {
        if self.spiking.adaptation.is_some() {
            &["voltage", "filtered", "adaptation"]
        } else {
            &["voltage", "filtered"]
        }
    }
    fn keeps_drive(&self) -> bool {
        false
    }
    fn readout(&self) -> Readout {
        Readout::Memory(FILTERED)
    }

    fn step(&self, step: Step<'_, R>) {
        let constants = self.constants::<R>();
        let n = step.activity.len();
        let adaptive = self.spiking.adaptation.is_some();
        for place in 0..n {
            let spiked = step.activity_before[place];
            let v =
                constants.decay * step.memory_before[place] + step.activity[place] - constants.theta * spiked;
            let mut threshold = constants.theta;
            if adaptive {
                let a = constants.rho * step.memory_before[2 * n + place] + spiked;
                step.memory[2 * n + place] = a;
                threshold += constants.beta * a;
            }
            // NaN stays NaN: a run that has exploded must not look silent.
            let silent = step.silent.get(place % step.width).copied().unwrap_or(false);
            let spike = if silent {
                R::ZERO
            } else if v > threshold {
                R::ONE
            } else if v.is_nan() {
                v
            } else {
                R::ZERO
            };
            step.memory[place] = v;
            step.memory[n + place] =
                constants.kappa * step.memory_before[n + place] + (R::ONE - constants.kappa) * spike;
            step.activity[place] = spike;
        }
    }

    fn pull_back(&self, step: PullBack<'_, R>) {
        let constants = self.constants::<R>();
        let n = step.activity.len();
        let adaptive = self.spiking.adaptation.is_some();
        for place in 0..n {
            let v = step.memory[place];
            let mut threshold = constants.theta;
            if adaptive {
                threshold += constants.beta * step.memory[2 * n + place];
            }
            let distance = (v - threshold).abs() / constants.theta;
            let silent = step.silent.get(place % step.width).copied().unwrap_or(false);
            let psi = if distance < R::ONE && !silent {
                constants.gamma / constants.theta * (R::ONE - distance)
            } else {
                R::ZERO
            };
            let lambda = step.lambda[place] + (R::ONE - constants.kappa) * step.lambda_memory[n + place];
            let mu_v = step.lambda_memory[place] + psi * lambda;
            step.delta[place] = mu_v;
            step.lambda_memory[place] = constants.decay * mu_v;
            step.lambda_memory[n + place] *= constants.kappa;
            step.lambda[place] = R::ZERO;
            if adaptive {
                let mu_a = step.lambda_memory[2 * n + place] - constants.beta * psi * lambda;
                step.lambda_memory[2 * n + place] = constants.rho * mu_a;
                step.lambda[place] = mu_a;
            }
        }
    }
}
