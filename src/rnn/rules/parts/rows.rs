//! A perceptron on many rows: in chunks of rows that are large enough for products and small enough to share out.
//!
//! Chunks depend on the number of rows alone and their gradients are added in order, so that every number is the same on
//! any number of threads.

use super::synthesizer::view;
use crate::error::Result;
use crate::network::parameters::Parameters;
use crate::network::perceptron::{Perceptron, Trace};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// Rows of a chunk, at least.
const ENOUGH_ROWS: usize = 192;
/// Chunks, at most: each has a gradient of its own.
const MOST_CHUNKS: usize = 16;

/// What passes over all rows compute in.
#[derive(Default)]
pub struct Rows<R> {
    chunks: Vec<Chunk<R>>,
}

struct Chunk<R> {
    first: usize,
    n_rows: usize,
    trace: Trace<R>,
    gradient: Parameters<R>,
}

impl<R: Real> Rows<R> {
    /// Cuts rows into chunks so that none holds both rows to learn from, the first `n_learned`, and others.
    fn cut(&mut self, n_learned: usize, n_rows: usize) {
        let n_chunks = (n_learned / ENOUGH_ROWS).clamp(1, MOST_CHUNKS);
        let size = n_learned.div_ceil(n_chunks).max(1);
        let starts = (0..n_learned).step_by(size).map(|first| (first, size.min(n_learned - first)));
        let rest = (n_rows > n_learned).then_some((n_learned, n_rows - n_learned));
        let mut n_used = 0;
        for (index, (first, n_rows)) in starts.chain(rest).enumerate() {
            if index == self.chunks.len() {
                self.chunks.push(Chunk { first, n_rows, trace: Trace::new(), gradient: Parameters::new() });
            }
            (self.chunks[index].first, self.chunks[index].n_rows) = (first, n_rows);
            n_used = index + 1;
        }
        self.chunks.truncate(n_used);
    }

    /// Outputs of all rows, as many as there are inputs, into `out`; the first `n_learned` rows may be learned from.
    pub fn forward(
        &mut self,
        perceptron: &Perceptron<R>,
        rows: &[R],
        n_learned: usize,
        out: &mut [R],
        threads: &Threads,
    ) -> Result<()> {
        let size = perceptron.sizes()[0];
        self.cut(n_learned, rows.len() / size);
        let outcomes = threads.map_chunks(&mut self.chunks, 1, |_, chunks| {
            let Chunk { first, n_rows, trace, .. } = &mut chunks[0];
            perceptron.forward(view(&rows[*first * size..][..*n_rows * size], size)?, trace).map(|_| ())
        });
        outcomes.into_iter().collect::<Result<()>>()?;
        for chunk in &self.chunks {
            let into = &mut out[chunk.first * size..][..chunk.n_rows * size];
            into.copy_from_slice(chunk.trace.output());
        }
        Ok(())
    }

    /// The gradient of the perceptron's parameters, from those of the outputs of the first `n_learned` rows.
    pub fn backward(
        &mut self,
        perceptron: &Perceptron<R>,
        rows: &[R],
        output_gradient: &[R],
        n_learned: usize,
        threads: &Threads,
    ) -> Result<Parameters<R>> {
        let size = perceptron.sizes()[0];
        let outcomes = threads.map_chunks(&mut self.chunks, 1, |_, chunks| {
            let Chunk { first, n_rows, trace, gradient } = &mut chunks[0];
            if *first >= n_learned {
                return Ok(());
            }
            if gradient.n_values() == perceptron.parameters().n_values() {
                gradient.fill_zero();
            } else {
                *gradient = perceptron.parameters().zeros_like();
            }
            let place = *first * size..(*first + *n_rows) * size;
            let slopes = view(&output_gradient[place.clone()], size)?;
            perceptron.backward(view(&rows[place], size)?, slopes, trace, gradient, None)
        });
        outcomes.into_iter().collect::<Result<()>>()?;
        let mut sum = perceptron.parameters().zeros_like();
        for chunk in self.chunks.iter().filter(|chunk| chunk.first < n_learned) {
            sum.add(&chunk.gradient)?;
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthesizer::perceptron;
    use super::*;
    use crate::numerics::rng::{normal, stream};

    const SIZE: usize = 5;

    fn numbers(n_rows: usize, item: u64) -> Vec<f64> {
        let mut rng = stream(11, item);
        (0..n_rows * SIZE).map(|_| normal(&mut rng)).collect()
    }

    /// Outputs of all rows, and the gradient from the first `n_learned` of them.
    fn in_chunks(
        perceptron: &Perceptron<f64>,
        n_learned: usize,
        n_rows: usize,
        n_threads: usize,
    ) -> (Vec<f64>, Parameters<f64>, usize) {
        let (rows, slopes) = (numbers(n_rows, 0), numbers(n_rows, 1));
        let (mut passes, mut out) = (Rows::default(), vec![0.0; n_rows * SIZE]);
        let threads = Threads::new(Some(n_threads)).unwrap();
        let mut pass = |rows: &[f64]| {
            passes.forward(perceptron, rows, n_learned, &mut out, &threads).unwrap();
            passes.backward(perceptron, rows, &slopes, n_learned, &threads).unwrap()
        };
        // Other numbers before, of which nothing may stay.
        pass(&numbers(n_rows, 2));
        let gradient = pass(&rows);
        (out, gradient, passes.chunks.len())
    }

    #[test]
    fn chunks_are_one_pass_over_all_rows() {
        for (n_learned, n_rows, n_chunks) in
            [(0, 4, 1), (7, 7, 1), (383, 390, 2), (384, 384, 2), (1000, 1007, 6), (5000, 5000, 16)]
        {
            for n_kept in [None, Some(3)] {
                let whole: Perceptron<f64> = perceptron(SIZE, &[8, 6], n_kept, 3).unwrap();
                let (rows, slopes) = (numbers(n_rows, 0), numbers(n_rows, 1));
                let (mut trace, mut expected) = (Trace::new(), whole.parameters().zeros_like());
                whole.forward(view(&rows, SIZE).unwrap(), &mut trace).unwrap();
                let outputs = trace.output().to_vec();
                let learned = &rows[..n_learned * SIZE];
                if n_learned > 0 {
                    whole.forward(view(learned, SIZE).unwrap(), &mut trace).unwrap();
                    let slopes = view(&slopes[..n_learned * SIZE], SIZE).unwrap();
                    let learned = view(learned, SIZE).unwrap();
                    whole.backward(learned, slopes, &mut trace, &mut expected, None).unwrap();
                }
                let (out, gradient, found_chunks) = in_chunks(&whole, n_learned, n_rows, 1);
                assert_eq!(found_chunks, n_chunks, "{n_learned} of {n_rows} rows");
                for (found, expected) in out.iter().zip(&outputs) {
                    assert!((found - expected).abs() < 1e-13);
                }
                for (found, expected) in gradient.iter().zip(expected.iter()) {
                    let size = expected.values.iter().fold(1e-12, |size: f64, value| size.max(value.abs()));
                    for (found, expected) in found.values.iter().zip(&expected.values) {
                        assert!((found - expected).abs() < 1e-12 * size);
                    }
                }
                for n_threads in [2, 5] {
                    let (same_out, same_gradient, _) = in_chunks(&whole, n_learned, n_rows, n_threads);
                    assert_eq!(same_out, out, "{n_threads} threads");
                    assert_eq!(same_gradient, gradient, "{n_threads} threads");
                }
            }
        }
    }
}
