//! A planar arm of two links, in a horizontal plane: without weight.
//!
//! ```text
//! M(q) q̈ + C(q, q̇) + d q̇ = τ + J(q)ᵀ F
//! M = [a₁ + 2 b cos q₂, a₂ + b cos q₂; a₂ + b cos q₂, a₂],   C = (−b sin q₂ (2 q̇₁ + q̇₂) q̇₂, b sin q₂ q̇₁²)
//! b = m₂ l₁ g₂,   a₁ = m₁ g₁² + I₁ + m₂ (g₂² + l₁²) + I₂,   a₂ = m₂ g₂² + I₂
//! x = (l₁ cos q₁ + l₂ cos(q₁ + q₂), l₁ sin q₁ + l₂ sin(q₁ + q₂)),   ẋ = J q̇
//! ```
//!
//! | symbol | name | shape | unit |
//! | --- | --- | --- | --- |
//! | q, q̇ | `state` | (4) | rad, rad/s; shoulder, elbow |
//! | τ | `control` | (2) | N m |
//! | F | `force` on the hand | (2) | N |
//! | m, l | `masses`, `lengths` | (2) | kg, m |
//! | g | `centres`: from the joint to the centre of mass | (2) | m |
//! | I | `inertias` about the centres of mass | (2) | kg m² |
//! | d | `damping` | () | N m s/rad |
//!
//! The equations of the two-link arm of MotorNet (Codol et al. 2024), as in any textbook of robotics. There q is stepped by explicit
//! Euler; here see `body`.

use std::f64::consts::PI;

use super::body::Body;
use super::scalar::{Dual, Scalar};
use crate::error::{Error, Result};

/// What an arm is made of: shoulder link, elbow link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Links {
    /// m.
    pub masses: [f64; 2],
    /// l.
    pub lengths: [f64; 2],
    /// g.
    pub centres: [f64; 2],
    /// I.
    pub inertias: [f64; 2],
}

/// The arm.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    lengths: [f64; 2],
    a: [f64; 2],
    b: f64,
    damping: f64,
    limits: Option<[[f64; 2]; 2]>,
}

impl Arm {
    /// Checks its numbers.
    pub fn new(links: &Links, damping: f64, limits: Option<[[f64; 2]; 2]>) -> Result<Self> {
        let Links { masses, lengths, centres, inertias } = links;
        for (argument, pair) in
            [("masses", masses), ("lengths", lengths), ("centres", centres), ("inertias", inertias)]
        {
            if let Some(bad) = pair.iter().find(|value| !(**value > 0.0 && value.is_finite())) {
                return Err(Error::value(argument, bad, "finite numbers above 0"));
            }
        }
        if !(damping >= 0.0 && damping.is_finite()) {
            return Err(Error::value("damping", damping, "a finite number, 0 or more"));
        }
        if let Some([low, high]) =
            limits.iter().flatten().find(|[low, high]| (high - low).is_nan() || low >= high)
        {
            return Err(Error::value("limits", format!("{low} to {high}"), "a lower and a higher angle"));
        }
        if let Some([_, [low, high]]) = limits
            && !(low >= 0.0 && high <= PI)
        {
            return Err(Error::value("limits", format!("{low} to {high} at the elbow"), "0 to π"));
        }
        let a2 = masses[1] * centres[1].powi(2) + inertias[1];
        let a1 = masses[0] * centres[0].powi(2) + inertias[0] + masses[1] * lengths[0].powi(2) + a2;
        let b = masses[1] * lengths[0] * centres[1];
        // A mass matrix of real links can be inverted at any angle; overflow and underflow are left to be found.
        let least = a2 * (a1 - a2) - b * b;
        if !(least > 0.0 && least.is_finite()) {
            return Err(Error::value(
                "masses",
                format!("{masses:?}"),
                "links that inertia can be computed of",
            ));
        }
        Ok(Self { lengths: *lengths, a: [a1, a2], b, damping, limits })
    }

    /// Joint angles and velocities that put the hand there, elbow bent to the positive side, shoulder between −π and π; None out of
    /// reach. Where the arm is
    /// stretched or folded, velocities are NaN unless the hand is at rest.
    pub fn joints(&self, hand: [f64; 4]) -> Option<[f64; 4]> {
        let [x, y, vx, vy] = hand;
        let [l1, l2] = self.lengths;
        let cosine = (x * x + y * y - l1 * l1 - l2 * l2) / (2.0 * l1 * l2);
        // Within rounding of the rim is on it.
        if cosine.is_nan() || cosine.abs() > 1.0 + 1e-12 {
            return None;
        }
        let elbow = cosine.clamp(-1.0, 1.0).acos();
        let (s2, c2) = elbow.sin_cos();
        // −π to π, as a difference of two such angles need not be.
        let turned = y.atan2(x) - (l2 * s2).atan2(l1 + l2 * c2);
        let shoulder = if turned < -PI { turned + 2.0 * PI } else { turned };
        let [[j11, j12], [j21, j22]] = self.jacobian(&[shoulder, elbow]);
        let area = l1 * l2 * s2;
        let velocity = if vx == 0.0 && vy == 0.0 {
            [0.0; 2]
        } else if area.abs() < 1e-6 * l1 * l2 {
            [f64::NAN; 2]
        } else {
            [(j22 * vx - j12 * vy) / area, (j11 * vy - j21 * vx) / area]
        };
        Some([shoulder, elbow, velocity[0], velocity[1]])
    }

    /// The farthest and the nearest the hand can be from the shoulder.
    pub fn reach(&self) -> [f64; 2] {
        let [l1, l2] = self.lengths;
        [(l1 - l2).abs(), l1 + l2]
    }

    /// J, rows by coordinates of the hand.
    #[inline(always)]
    pub fn jacobian<S: Scalar>(&self, angles: &[S]) -> [[S; 2]; 2] {
        let (s1, c1) = angles[0].sin_cos();
        let (s12, c12) = (angles[0] + angles[1]).sin_cos();
        let [x2, y2] = [c12.scaled(self.lengths[1]), s12.scaled(self.lengths[1])];
        [[-(s1.scaled(self.lengths[0]) + y2), -y2], [c1.scaled(self.lengths[0]) + x2, x2]]
    }

    /// M as its three numbers, and C.
    #[inline(always)]
    fn mass_and_coriolis<S: Scalar>(&self, state: &[S]) -> ([S; 3], [S; 2]) {
        let (sine, cosine) = state[1].sin_cos();
        let (bs, bc) = (sine.scaled(self.b), cosine.scaled(self.b));
        let [a1, a2] = self.a.map(S::constant);
        let [v1, v2] = [state[2], state[3]];
        ([a1 + bc.scaled(2.0), a2 + bc, a2], [-(bs * (v1.scaled(2.0) + v2) * v2), bs * v1 * v1])
    }
}

impl Body for Arm {
    const N_STATES: usize = 4;
    const N_CONTROLS: usize = 2;
    const CONTROL: &'static str = "torque";
    type Dual = Dual<8>;

    #[inline(always)]
    fn hand<S: Scalar>(&self, state: &[S]) -> [S; 4] {
        let [[j11, j12], [j21, j22]] = self.jacobian(state);
        let [v1, v2] = [state[2], state[3]];
        // The shoulder's column of J is the hand's position, turned by 90°.
        [j21, -j11, j11 * v1 + j12 * v2, j21 * v1 + j22 * v2]
    }

    #[inline(always)]
    fn acceleration<S: Scalar>(&self, state: &[S], control: &[S], force: [S; 2]) -> [S; 2] {
        let ([m11, m12, m22], coriolis) = self.mass_and_coriolis(state);
        let jacobian = self.jacobian(state);
        let [t1, t2]: [S; 2] = std::array::from_fn(|i| {
            let pushed = jacobian[0][i] * force[0] + jacobian[1][i] * force[1];
            control[i] + pushed - coriolis[i] - state[2 + i].scaled(self.damping)
        });
        let inverse = (m11 * m22 - m12 * m12).reciprocal();
        [(m22 * t1 - m12 * t2) * inverse, (m11 * t2 - m12 * t1) * inverse]
    }

    fn limits(&self) -> Option<[[f64; 2]; 2]> {
        self.limits
    }

    fn energy(&self, state: &[f64]) -> f64 {
        let ([m11, m12, m22], _) = self.mass_and_coriolis(state);
        let [v1, v2] = [state[2], state[3]];
        0.5 * (m11 * v1 * v1 + 2.0 * m12 * v1 * v2 + m22 * v2 * v2)
    }

    fn inverse_dynamics(&self, state: &[f64], [w1, w2]: [f64; 2], force: [f64; 2]) -> [f64; 2] {
        let ([m11, m12, m22], coriolis) = self.mass_and_coriolis(state);
        let jacobian = self.jacobian(state);
        let inertial = [m11 * w1 + m12 * w2, m12 * w1 + m22 * w2];
        std::array::from_fn(|i| {
            let pushed = jacobian[0][i] * force[0] + jacobian[1][i] * force[1];
            inertial[i] + coriolis[i] + self.damping * state[2 + i] - pushed
        })
    }
}
