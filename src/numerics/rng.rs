//! Seeded random streams: one per item (trial, restart, chain), so that numbers do not depend on threads.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal, StandardUniform};

/// The generator used everywhere.
pub type Stream = ChaCha8Rng;

/// Stream number `item` of a seed. Different items never overlap (ChaCha stream identifiers).
pub fn stream(seed: u64, item: u64) -> Stream {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(item);
    rng
}

/// A second stream that goes on exactly as the first does (the generator itself does not let itself be cloned).
pub fn duplicate(rng: &Stream) -> Stream {
    Stream::deserialize_state(&rng.serialize_state())
}

/// One draw from the standard normal distribution.
pub fn normal(rng: &mut Stream) -> f64 {
    StandardNormal.sample(rng)
}

/// One draw from the uniform distribution on [0, 1).
pub fn uniform(rng: &mut Stream) -> f64 {
    StandardUniform.sample(rng)
}

/// One of the whole numbers 0 … `last`, all alike.
pub fn whole(rng: &mut Stream, last: u32) -> u32 {
    rng.random_range(0..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let draw = |seed, item| -> Vec<f64> {
            let mut rng = stream(seed, item);
            (0..8).map(|_| normal(&mut rng)).collect()
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn duplicates_go_on_alike() {
        let mut rng = stream(3, 4);
        for _ in 0..37 {
            uniform(&mut rng);
        }
        let mut other = duplicate(&rng);
        assert!((0..100).all(|_| normal(&mut rng) == normal(&mut other)));
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut rng = stream(0, 0);
        let n = 100_000;
        let (mut sum, mut squares, mut flat) = (0.0, 0.0, 0.0);
        let mut faces = [0_u32; 6];
        for _ in 0..n {
            let z = normal(&mut rng);
            sum += z;
            squares += z * z;
            flat += uniform(&mut rng);
            faces[whole(&mut rng, 5) as usize] += 1;
        }
        // Five standard errors of each mean.
        assert!((sum / f64::from(n)).abs() < 5.0 / f64::from(n).sqrt());
        assert!((squares / f64::from(n) - 1.0).abs() < 5.0 * (2.0 / f64::from(n)).sqrt());
        let spread = 5.0 * (f64::from(n) * 5.0 / 36.0).sqrt();
        assert!(faces.iter().all(|&face| (f64::from(face) - f64::from(n) / 6.0).abs() < spread));
        assert!((flat / f64::from(n) - 0.5).abs() < 5.0 * (1.0 / 12.0 / f64::from(n)).sqrt());
    }
}
