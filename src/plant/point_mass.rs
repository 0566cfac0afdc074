//! A mass in a plane, without weight.
//!
//! ```text
//! m v̇ = u + F − c v,   ẋ = v
//! ```
//!
//! | symbol | name | shape | unit |
//! | --- | --- | --- | --- |
//! | x, v | `state` | (4) | m, m/s |
//! | u | `control` | (2) | N |
//! | F | `force`: of fields and loads | (2) | N |
//! | m, c | `mass`, `damping` | () | kg, N s/m |

use super::body::Body;
use super::scalar::{Dual, Scalar};
use crate::error::{Error, Result};

/// The mass.
#[derive(Debug, Clone, PartialEq)]
pub struct PointMass {
    mass: f64,
    damping: f64,
}

impl PointMass {
    /// Checks its numbers.
    pub fn new(mass: f64, damping: f64) -> Result<Self> {
        if !(mass > 0.0 && mass.is_finite()) {
            return Err(Error::value("mass", mass, "a finite number above 0"));
        }
        if !(damping >= 0.0 && damping.is_finite()) {
            return Err(Error::value("damping", damping, "a finite number, 0 or more"));
        }
        Ok(Self { mass, damping })
    }
}

impl Body for PointMass {
    const N_STATES: usize = 4;
    const N_CONTROLS: usize = 2;
    const CONTROL: &'static str = "force";
    type Dual = Dual<8>;

    #[inline(always)]
    fn hand<S: Scalar>(&self, state: &[S]) -> [S; 4] {
        [state[0], state[1], state[2], state[3]]
    }

    #[inline(always)]
    fn acceleration<S: Scalar>(&self, state: &[S], control: &[S], force: [S; 2]) -> [S; 2] {
        let lightness = self.mass.recip();
        std::array::from_fn(|i| (control[i] + force[i] - state[2 + i].scaled(self.damping)).scaled(lightness))
    }

    fn energy(&self, state: &[f64]) -> f64 {
        0.5 * self.mass * (state[2] * state[2] + state[3] * state[3])
    }

    fn inverse_dynamics(&self, state: &[f64], acceleration: [f64; 2], force: [f64; 2]) -> [f64; 2] {
        std::array::from_fn(|i| self.mass * acceleration[i] + self.damping * state[2 + i] - force[i])
    }
}
