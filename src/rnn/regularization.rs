//! Costs besides the loss.
//!
//! ```text
//! activity   a₂ ⟨r²⟩ + a₁ ⟨|r|⟩ + a_f ⟨(f_u − f*)²⟩_u      ⟨⟩: mean over trials, steps and units;  f_u: mean rate of unit u
//! weights    w₂ Σ w² + w₁ Σ |w|                             over all weights, not biases, initial states or leaks
//! ```

use super::adjoint::ActivityCost;
use super::batch::Workspace;
use super::network::Network;
use super::wiring::Wiring;
use crate::network::parameters::Parameters;
use crate::real::Real;

/// Strengths of the costs; all zero: none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Regularization {
    /// a₂
    pub activity_l2: f64,
    /// a₁
    pub activity_l1: f64,
    /// a_f
    pub rate: f64,
    /// f*, in the units of activity (spikes per step for spiking units).
    pub target_rate: f64,
    /// w₂
    pub weight_l2: f64,
    /// w₁
    pub weight_l1: f64,
}

const WEIGHTS: [&str; 6] = ["W", "U", "V", "W_in", "W_fb", "W_out"];

impl Regularization {
    /// Whether activity costs anything.
    pub fn needs_activity(&self) -> bool {
        self.activity_l2 != 0.0 || self.activity_l1 != 0.0 || self.rate != 0.0
    }

    /// The cost of the activity that was simulated, and its gradient for the way back.
    pub fn activity<R: Real>(
        &self,
        wiring: &Wiring<'_, R>,
        workspace: &Workspace<R>,
    ) -> (f64, ActivityCost<R>) {
        if !self.needs_activity() {
            return (0.0, ActivityCost::default());
        }
        let n_units = wiring.network.structure().n_units;
        let mut mean = vec![0.0; n_units];
        let (mut squared, mut absolute, mut n_rows) = (0.0, 0.0, 0.0);
        for block in &workspace.blocks {
            for step in 0..block.tape.n_steps {
                let rows = block.tape.activity_at(step, wiring.width);
                for row in rows.chunks_exact(wiring.width) {
                    n_rows += 1.0;
                    for (mean, r) in mean.iter_mut().zip(row) {
                        let r = r.to_f64();
                        *mean += r;
                        squared += r * r;
                        absolute += r.abs();
                    }
                }
            }
        }
        let n_values = n_rows * n_units as f64;
        let mut cost = self.activity_l2 * squared / n_values + self.activity_l1 * absolute / n_values;
        let mut per_unit = Vec::new();
        if self.rate != 0.0 {
            for mean in &mean {
                let off = mean / n_rows - self.target_rate;
                cost += self.rate * off * off / n_units as f64;
                per_unit.push(R::from_f64(2.0 * self.rate * off / n_values));
            }
        }
        let gradient = ActivityCost {
            squared: self.activity_l2 / n_values,
            absolute: self.activity_l1 / n_values,
            per_unit,
        };
        (cost, gradient)
    }

    /// The cost of the weights; adds its gradient.
    pub fn weights<R: Real>(&self, network: &Network<R>, gradient: &mut Parameters<R>) -> f64 {
        if self.weight_l2 == 0.0 && self.weight_l1 == 0.0 {
            return 0.0;
        }
        let mut cost = 0.0;
        for name in WEIGHTS {
            let (Some(weights), Some(gradient)) = (network.parameters().values(name), gradient.get_mut(name))
            else {
                continue;
            };
            for (gradient, w) in gradient.values.iter_mut().zip(weights) {
                let w = w.to_f64();
                cost += self.weight_l2 * w * w + self.weight_l1 * w.abs();
                let sign = if w == 0.0 { 0.0 } else { w.signum() };
                *gradient += R::from_f64(2.0 * self.weight_l2 * w + self.weight_l1 * sign);
            }
        }
        cost
    }
}
