//! What a body tells of itself: its hand, as the eyes see it, and its own limbs.
//!
//! ```text
//! eyes      (x, ẋ), position and velocity of the hand
//! limbs     (x, ẋ) of a mass;   (q, q̇) of an arm;   (l, l̇) of an arm with muscles, l̇_m = Σ_j ∂l_m/∂q_j q̇_j
//! ∂L/∂s  =  (∂hand/∂s)ᵀ ∂L/∂hand + (∂limbs/∂s)ᵀ ∂L/∂limbs
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | x, ẋ | `hand` of the body | (4) |
//! | limbs | `limbs` | (`N_LIMBS`) |
//! | s | the first four of `state`: nothing tells of activations | (4) |

use super::arm::Arm;
use super::body::Body;
use super::muscles::{MuscleArm, N_MUSCLES};
use super::point_mass::PointMass;
use super::scalar::{Dual, Scalar, Variable};

/// No body tells more of its limbs.
pub const MAX_LIMBS: usize = 2 * N_MUSCLES;

/// A body that can be felt.
pub trait Senses: Body {
    /// Numbers of its limbs.
    const N_LIMBS: usize;

    /// How its limbs are.
    fn limbs<S: Scalar>(&self, state: &[S], out: &mut [S]);

    /// Leads gradients by hand and limbs back to coordinates and velocities.
    fn pull_senses_back(&self, state: &[f64], d_hand: &[f64], d_limbs: &[f64]) -> [f64; 4] {
        let variables: [Dual<4>; 4] = std::array::from_fn(|i| Dual::variable(state[i], i));
        let mut slopes = [0.0; 4];
        let mut add = |told: &[Dual<4>], weights: &[f64]| {
            for (told, weight) in told.iter().zip(weights) {
                for (slope, tangent) in slopes.iter_mut().zip(told.tangent()) {
                    *slope += weight * tangent;
                }
            }
        };
        if d_hand.iter().any(|d| *d != 0.0) {
            add(&self.hand(&variables[..]), d_hand);
        }
        if d_limbs.iter().any(|d| *d != 0.0) {
            let mut limbs = [Dual::constant(0.0); MAX_LIMBS];
            self.limbs(&variables, &mut limbs[..Self::N_LIMBS]);
            add(&limbs[..Self::N_LIMBS], d_limbs);
        }
        slopes
    }
}

impl Senses for PointMass {
    const N_LIMBS: usize = 4;

    #[inline(always)]
    fn limbs<S: Scalar>(&self, state: &[S], out: &mut [S]) {
        out.copy_from_slice(&state[..4]);
    }
}

impl Senses for Arm {
    const N_LIMBS: usize = 4;

    #[inline(always)]
    fn limbs<S: Scalar>(&self, state: &[S], out: &mut [S]) {
        out.copy_from_slice(&state[..4]);
    }
}

impl Senses for MuscleArm {
    const N_LIMBS: usize = MAX_LIMBS;

    #[inline(always)]
    fn limbs<S: Scalar>(&self, state: &[S], out: &mut [S]) {
        for m in 0..N_MUSCLES {
            let [shoulder, elbow] = self.muscles.moment_arm(m, state);
            out[m] = self.muscles.length(m, state);
            out[N_MUSCLES + m] = shoulder * state[2] + elbow * state[3];
        }
    }
}
