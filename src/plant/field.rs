//! Forces on the hand that depend on where it is and how fast it moves.
//!
//! ```text
//! F = V v − K (x − x₀)
//! ```
//!
//! | symbol | name | shape | unit |
//! | --- | --- | --- | --- |
//! | x, v | `hand` | (4) | m, m/s |
//! | V | `viscosity` | (2, 2), rows in a row | N s/m |
//! | K | `stiffness` | (2, 2), rows in a row | N/m |
//! | x₀ | `origin` | (2) | m |
//! | F | answer of `force` | (2) | N |
//!
//! The viscous curl field is V = b [[0, 1], [−1, 0]] (Shadmehr and Mussa-Ivaldi 1994, in the form of Smith et al.); a channel
//! along the unit vector with the normal n is K = k n nᵀ, V = −d n nᵀ, x₀ on its line; a catch trial is all zeros.

use super::scalar::Scalar;
use crate::error::{Error, Result};

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Field {
    /// V.
    pub viscosity: [f64; 4],
    /// K.
    pub stiffness: [f64; 4],
    /// x₀.
    pub origin: [f64; 2],
}

/// Numbers of one field: V, K, x₀.
pub const FIELD_NUMBERS: usize = 10;

impl Field {
    /// Fields from their numbers, one after the other.
    pub fn from_numbers(numbers: &[f64]) -> Result<Vec<Self>> {
        if let Some(bad) = numbers.iter().find(|value| !value.is_finite()) {
            return Err(Error::value("field", bad, "finite numbers"));
        }
        let (fields, rest) = numbers.as_chunks::<FIELD_NUMBERS>();
        if !rest.is_empty() {
            return Err(Error::shape("field", &[numbers.len()], format!("{FIELD_NUMBERS} numbers each")));
        }
        Ok(fields
            .iter()
            .map(|&[v0, v1, v2, v3, k0, k1, k2, k3, x, y]| Self {
                viscosity: [v0, v1, v2, v3],
                stiffness: [k0, k1, k2, k3],
                origin: [x, y],
            })
            .collect())
    }

    /// F at this position and velocity.
    #[inline(always)]
    pub fn force<S: Scalar>(&self, hand: &[S; 4]) -> [S; 2] {
        let [x, y, vx, vy] = *hand;
        let [dx, dy] = [x - S::constant(self.origin[0]), y - S::constant(self.origin[1])];
        let [v, k] = [&self.viscosity, &self.stiffness];
        [
            vx.scaled(v[0]) + vy.scaled(v[1]) - dx.scaled(k[0]) - dy.scaled(k[1]),
            vx.scaled(v[2]) + vy.scaled(v[3]) - dx.scaled(k[2]) - dy.scaled(k[3]),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curl_field_does_no_work() {
        let field = Field { viscosity: [0.0, 13.0, -13.0, 0.0], ..Field::default() };
        let force = field.force(&[0.1, 0.4, 0.3, -0.2]);
        assert_eq!(force, [-0.2 * 13.0, -0.3 * 13.0]);
        assert!((force[0] * 0.3 - force[1] * 0.2).abs() < 1e-15);
    }

    #[test]
    fn stiffness_pulls_back_to_the_origin() {
        let numbers = [0.0, 0.0, 0.0, 0.0, 100.0, 0.0, 0.0, 50.0, 0.1, 0.2];
        let [field] = Field::from_numbers(&numbers).unwrap()[..] else { panic!("one field") };
        let force = field.force(&[0.2, 0.1, 5.0, 5.0]);
        assert!((force[0] + 10.0).abs() < 1e-12 && (force[1] - 5.0).abs() < 1e-12);
        assert!(Field::from_numbers(&[0.0; 11]).is_err());
        assert!(Field::from_numbers(&[f64::NAN; 10]).is_err());
    }
}
