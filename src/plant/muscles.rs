//! Six muscles that pull the two-link arm.
//!
//! ```text
//! ȧ = (u − a) / T,   T = T₁ (½ + 3/2 a) where u > a, else T₂ / (½ + 3/2 a)
//! l = l₀ + Σ_j (p_j + r_j q'_j) q'_j,   q' = q − (π/2, 0),   ∂l/∂q_j = p_j + 2 r_j q'_j
//! τ_j = −Σ_muscles F_max a ∂l/∂q_j
//! ```
//!
//! | symbol | name | shape | unit |
//! | --- | --- | --- | --- |
//! | u | `control`: excitation, 0 to 1 | (6) | |
//! | a | `state[4..]`: activation, a_min to 1 | (6) | |
//! | T₁, T₂ | `activation_time`, `deactivation_time` | () | s |
//! | l, l₀ | lengths of muscle and tendon; at q' = 0: `rest_lengths` | (6) | m |
//! | p, r | `linear`, `quadratic` | (6, 2) | m/rad, m/rad² |
//! | F_max | `max_forces` | (6) | N |
//! | τ | torques at shoulder and elbow | (2) | N m |
//!
//! Geometry and activation of MotorNet's arm of six muscles (Codol et al. 2024; the arm of Nijhof and Kouwenhoven 2000).
//! Departures: force does not depend on length or velocity, and there is no passive force. Under semi-implicit Euler the activations are moved
//! first, by the exact solution at a time constant held over the substep, a' = u + (a − u) e^(−h/T), which cannot overshoot as
//! explicit Euler does where h > T. Excitations below a_min count as a_min.

use std::f64::consts::FRAC_PI_2;

use super::arm::Arm;
use super::body::Body;
use super::scalar::{Dual, Scalar};
use crate::error::{Error, Result};

/// Muscles of an arm.
pub const N_MUSCLES: usize = 6;

/// The muscles.
#[derive(Debug, Clone, PartialEq)]
pub struct Muscles {
    /// F_max.
    pub max_forces: [f64; N_MUSCLES],
    /// l₀.
    pub rest_lengths: [f64; N_MUSCLES],
    /// p.
    pub linear: [[f64; 2]; N_MUSCLES],
    /// r.
    pub quadratic: [[f64; 2]; N_MUSCLES],
    /// T₁.
    pub activation_time: f64,
    /// T₂.
    pub deactivation_time: f64,
    /// a_min.
    pub min_activation: f64,
}

impl Muscles {
    /// Checks their numbers.
    pub fn checked(self) -> Result<Self> {
        let geometry = self.linear.as_flattened().iter().chain(self.quadratic.as_flattened());
        if let Some(bad) = geometry.chain(&self.rest_lengths).find(|value| !value.is_finite()) {
            return Err(Error::value("muscles", bad, "finite lengths and moment arms"));
        }
        if let Some(bad) = self.max_forces.iter().find(|value| !(**value >= 0.0 && value.is_finite())) {
            return Err(Error::value("max_forces", bad, "finite numbers, 0 or more"));
        }
        for (argument, time) in
            [("activation_time", self.activation_time), ("deactivation_time", self.deactivation_time)]
        {
            if !(time > 0.0 && time.is_finite()) {
                return Err(Error::value(argument, time, "a finite number of seconds above 0"));
            }
        }
        if !(0.0..1.0).contains(&self.min_activation) {
            return Err(Error::value("min_activation", self.min_activation, "0 or more, below 1"));
        }
        Ok(self)
    }

    /// l of each at these joint angles, and ∂l/∂q.
    pub fn geometry(&self, angles: [f64; 2]) -> ([f64; N_MUSCLES], [[f64; 2]; N_MUSCLES]) {
        let lengths = std::array::from_fn(|m| self.length(m, &angles));
        (lengths, std::array::from_fn(|m| self.moment_arm(m, &angles)))
    }

    /// l of one, at angles that may be variables.
    #[inline(always)]
    pub fn length<S: Scalar>(&self, muscle: usize, angles: &[S]) -> S {
        let ([p1, p2], [r1, r2]) = (self.linear[muscle], self.quadratic[muscle]);
        let (x, y) = (angles[0] - S::constant(FRAC_PI_2), angles[1]);
        let [shoulder, elbow] = [(S::constant(p1) + x.scaled(r1)) * x, (S::constant(p2) + y.scaled(r2)) * y];
        S::constant(self.rest_lengths[muscle]) + shoulder + elbow
    }

    /// ∂l/∂q of one.
    #[inline(always)]
    pub fn moment_arm<S: Scalar>(&self, muscle: usize, angles: &[S]) -> [S; 2] {
        let ([p1, p2], [r1, r2]) = (self.linear[muscle], self.quadratic[muscle]);
        let bent = angles[0] - S::constant(FRAC_PI_2);
        [S::constant(p1) + bent.scaled(2.0 * r1), S::constant(p2) + angles[1].scaled(2.0 * r2)]
    }

    /// τ.
    #[inline(always)]
    pub fn torques<S: Scalar>(&self, angles: &[S], activations: &[S]) -> [S; 2] {
        let mut torques = [S::constant(0.0); 2];
        for (m, &activation) in activations.iter().enumerate() {
            let force = activation.scaled(self.max_forces[m]);
            let [shoulder, elbow] = self.moment_arm(m, angles);
            torques = [torques[0] - force * shoulder, torques[1] - force * elbow];
        }
        torques
    }

    /// u, not below a_min, and 1 / T.
    #[inline(always)]
    fn drive<S: Scalar>(&self, activation: S, excitation: S) -> (S, S) {
        let excitation = if excitation.value() < self.min_activation {
            S::constant(self.min_activation)
        } else {
            excitation
        };
        let slowness = S::constant(0.5) + activation.scaled(1.5);
        if excitation.value() > activation.value() {
            (excitation, slowness.reciprocal().scaled(self.activation_time.recip()))
        } else {
            (excitation, slowness.scaled(self.deactivation_time.recip()))
        }
    }
}

/// An arm and its muscles.
#[derive(Debug, Clone, PartialEq)]
pub struct MuscleArm {
    /// The bones.
    pub arm: Arm,
    /// What pulls them.
    pub muscles: Muscles,
}

impl Body for MuscleArm {
    const N_STATES: usize = 4 + N_MUSCLES;
    const N_CONTROLS: usize = N_MUSCLES;
    const CONTROL: &'static str = "excitation";
    type Dual = Dual<18>;

    #[inline(always)]
    fn hand<S: Scalar>(&self, state: &[S]) -> [S; 4] {
        self.arm.hand(state)
    }

    #[inline(always)]
    fn acceleration<S: Scalar>(&self, state: &[S], _: &[S], force: [S; 2]) -> [S; 2] {
        self.arm.acceleration(state, &self.muscles.torques(&state[..2], &state[4..]), force)
    }

    fn limits(&self) -> Option<[[f64; 2]; 2]> {
        self.arm.limits()
    }

    #[inline(always)]
    fn rest_rates<S: Scalar>(&self, state: &[S], control: &[S], out: &mut [S]) {
        for ((&activation, &excitation), out) in state[4..].iter().zip(control).zip(out) {
            let (excitation, rate) = self.muscles.drive(activation, excitation);
            *out = (excitation - activation) * rate;
        }
    }

    #[inline(always)]
    fn advance_rest<S: Scalar>(&self, state: &mut [S], control: &[S], h: f64) {
        for (activation, &excitation) in state[4..].iter_mut().zip(control) {
            let (excitation, rate) = self.muscles.drive(*activation, excitation);
            *activation = excitation + (*activation - excitation) * (-rate.scaled(h)).exp();
        }
    }

    #[inline(always)]
    fn bound_rest<S: Scalar>(&self, rest: &mut [S]) {
        for activation in rest {
            let value = activation.value();
            let bounded = value.clamp(self.muscles.min_activation, 1.0);
            if bounded != value {
                *activation = S::constant(bounded);
            }
        }
    }

    fn energy(&self, state: &[f64]) -> f64 {
        self.arm.energy(state)
    }

    fn inverse_dynamics(&self, state: &[f64], acceleration: [f64; 2], force: [f64; 2]) -> [f64; 2] {
        self.arm.inverse_dynamics(state, acceleration, force)
    }

    fn check_control(&self, control: f64) -> Result<()> {
        if (0.0..=1.0).contains(&control) {
            Ok(())
        } else {
            Err(Error::value(Self::CONTROL, control, "numbers from 0 to 1"))
        }
    }

    fn check_state(&self, state: &[f64]) -> Result<()> {
        if let Some(bad) = state.iter().find(|value| !value.is_finite()) {
            return Err(Error::value("state", bad, "finite numbers"));
        }
        match state[4..].iter().find(|value| !(0.0..=1.0).contains(*value)) {
            None => Ok(()),
            Some(bad) => Err(Error::value("activation in state", bad, "numbers from 0 to 1")),
        }
    }
}
