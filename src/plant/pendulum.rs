//! An inverted pendulum: a body that stands on its ankle, and may be pushed.
//!
//! ```text
//! θ̈ = (g / h) sin θ + u / (m h²) + F cos θ / (m h)
//! θ_{n+1} = θ_n + dt ω_n,   ω_{n+1} = ω_n + dt θ̈_n          (explicit Euler)
//! ```
//!
//! | symbol | name | shape | unit |
//! | --- | --- | --- | --- |
//! | θ | `angles` | (copies) | rad, zero when upright |
//! | ω | `velocities` | (copies) | rad/s |
//! | m, h | `mass`, `height` | () | kg, m |
//! | u | `command` | (copies) | torque, N m |
//! | F | `load` | (copies) | horizontal force on the mass, N |
//!
//! The mass stands at the end of a rod without weight. Nothing stops a pendulum that falls: it swings through.

use super::Plant;
use crate::error::{Error, Result};

/// What pulls it down, m/s².
pub const GRAVITY: f64 = 9.81;

/// Copies of one pendulum.
#[derive(Debug, Clone)]
pub struct Pendulum {
    mass: f64,
    height: f64,
    dt: f64,
    angles: Vec<f64>,
    velocities: Vec<f64>,
}

impl Pendulum {
    /// Upright and at rest.
    pub fn new(mass: f64, height: f64, dt: f64, n_copies: usize) -> Result<Self> {
        for (argument, value) in [("mass", mass), ("height", height), ("dt", dt)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::value(argument, value, "a finite number above 0"));
            }
        }
        Ok(Self { mass, height, dt, angles: vec![0.0; n_copies], velocities: vec![0.0; n_copies] })
    }
}

impl Plant for Pendulum {
    fn n_copies(&self) -> usize {
        self.angles.len()
    }

    fn rest(&mut self) {
        self.angles.fill(0.0);
        self.velocities.fill(0.0);
    }

    fn output(&self, out: &mut [f64]) {
        out.copy_from_slice(&self.angles);
    }

    fn direct(&self) -> f64 {
        0.0
    }

    fn advance(&mut self, command: &[f64], load: &[f64]) {
        let (fall, arm) = (GRAVITY / self.height, self.mass * self.height);
        let states = self.angles.iter_mut().zip(&mut self.velocities);
        for (((angle, velocity), torque), force) in states.zip(command).zip(load) {
            let acceleration = fall * angle.sin() + torque / (arm * self.height) + force * angle.cos() / arm;
            *angle += self.dt * *velocity;
            *velocity += self.dt * acceleration;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn angle_after(seconds: f64, dt: f64, start: f64) -> f64 {
        let mut pendulum = Pendulum::new(67.0, 0.85, dt, 1).unwrap();
        pendulum.angles[0] = start;
        for _ in 0..(seconds / dt).round() as usize {
            pendulum.advance(&[0.0], &[0.0]);
        }
        pendulum.angles[0]
    }

    #[test]
    fn it_falls_as_the_linear_equation_says_with_an_error_of_first_order() {
        let exact = 1e-6 * (0.5 * (GRAVITY / 0.85_f64).sqrt()).cosh();
        let errors = [0.01, 0.005, 0.0025].map(|dt| (angle_after(0.5, dt, 1e-6) - exact).abs());
        for pair in errors.windows(2) {
            assert!((1.8..2.2).contains(&(pair[0] / pair[1])), "{errors:?}");
        }
    }

    #[test]
    fn a_torque_or_a_force_can_hold_it() {
        let mut pendulum = Pendulum::new(67.0, 0.85, 0.01, 2).unwrap();
        pendulum.angles.fill(0.3);
        let weight = 67.0 * GRAVITY;
        pendulum.advance(&[-weight * 0.85 * 0.3_f64.sin(), 0.0], &[0.0, -weight * 0.3_f64.tan()]);
        assert!(pendulum.velocities.iter().all(|velocity| velocity.abs() < 1e-15));
    }

    #[test]
    fn bodies_without_mass_are_refused() {
        let error = Pendulum::new(0.0, 1.0, 0.01, 1).unwrap_err();
        assert_eq!(error.to_string(), "mass is 0, expected a finite number above 0");
    }
}
