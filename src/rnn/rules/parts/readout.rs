//! The gradient of the readout's own weights, which every rule that sees errors of outputs knows exactly.
//!
//! ```text
//! ∂L/∂W_out = Σ_t e_t q_tᵀ,   ∂L/∂b_out = Σ_t e_t        e = ∂L/∂y;   q: what the readout sees
//! ```
//! (Where outputs are fed back, e leaves out what they do to later outputs.)

use crate::linalg::{Rows, add_outer};
use crate::real::Real;
use crate::rnn::block::Block;
use crate::rnn::wiring::Wiring;

/// Adds it to a block's sums, from the errors that the block was handed.
pub fn add_readout<R: Real>(wiring: &Wiring<'_, R>, block: &mut Block<R>) {
    let (n, width, stride) = (block.n_samples, wiring.width, wiring.output_width);
    let mut sums = std::mem::take(&mut block.sums);
    for step in 0..block.tape.n_steps {
        let errors = &block.errors[step * n * stride..][..n * stride];
        let left = Rows { values: errors, stride, width: wiring.network.structure().n_outputs };
        let right = Rows { values: block.read_at(wiring, step), stride: width, width };
        add_outer(&mut sums.output, n, left, right);
        for row in errors.chunks_exact(stride) {
            for (sum, &error) in sums.output_bias.iter_mut().zip(row) {
                *sum += error;
            }
        }
    }
    block.sums = sums;
}
