//! Eligibility traces of a linear map from features of the state to predicted gradients, carried forwards by the network's own
//! Jacobians (symbols: [`super::super::bp_lambda`]).
//!
//! ```text
//! E_t = γλ J_{t−1} E_{t−1} + ∂ĝ_t/∂(A, a),   E_0 = ∂ĝ_0/∂(A, a)       sum += δ_tᵀ E_t,   t = 0 … T − 2
//! ```
//! E is a matrix of state × (state × (features + 1)) numbers per sample, and a step costs state² × state × (features + 1)
//! multiplications: for states of some tens of variables. Without memory (γλ = 0) δ_tᵀ E_t = δ_t ⊗ \[f_t, 1\] and there is no E.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::transition::Transition;
use crate::linalg::add_product;
use crate::real::Real;
use crate::rnn::block::Block;

/// Adds Σ_t δ_tᵀ E_t of all samples to `sum`, state × (features + 1). `features` and `errors` (δ): steps × samples × their size.
pub fn add_traced<R: Real>(
    transition: &Transition<'_, R>,
    block: &Block<R>,
    decay: R,
    features: &[R],
    errors: &[R],
    sum: &mut [R],
) {
    let (n, n_steps) = (block.n_samples, block.tape.n_steps);
    let size = errors.len() / (n * n_steps);
    let n_features = features.len() / (n * n_steps);
    let (per_row, columns) = (n_features + 1, sum.len());
    let remembers = decay != R::ZERO;
    let mut traces = vec![R::ZERO; if remembers { n * size * columns } else { 0 }];
    let mut next = vec![R::ZERO; if remembers { size * columns } else { 0 }];
    let mut jacobians = Vec::new();
    for step in 0..n_steps.saturating_sub(1) {
        if block.tape.stop.is_asked() {
            return;
        }
        if remembers && step > 0 {
            transition.jacobians(block, step, decay, &mut jacobians);
        }
        for sample in 0..n {
            let row = step * n + sample;
            let (f, error) = (&features[row * n_features..][..n_features], &errors[row * size..][..size]);
            if !remembers {
                for (sum, &error) in sum.chunks_exact_mut(per_row).zip(error) {
                    add_scaled(sum, f, error);
                }
                continue;
            }
            let trace = &mut traces[sample * size * columns..][..size * columns];
            if step > 0 {
                let jacobian = &jacobians[sample * size * size..][..size * size];
                product(&mut next, true, jacobian, trace, (size, size, columns));
                trace.copy_from_slice(&next);
            }
            for (unit, of_unit) in trace.chunks_exact_mut(columns).enumerate() {
                add_scaled(&mut of_unit[unit * per_row..][..per_row], f, R::ONE);
            }
            product(sum, false, error, trace, (1, size, columns));
        }
    }
}

/// sum += factor \[f, 1\].
fn add_scaled<R: Real>(sum: &mut [R], f: &[R], factor: R) {
    for (sum, &f) in sum.iter_mut().zip(f.iter().chain([&R::ONE])) {
        *sum += factor * f;
    }
}

/// out = a b or out += a b, of shapes (rows, inner) and (inner, columns).
fn product<R: Real>(
    out: &mut [R],
    replace: bool,
    a: &[R],
    b: &[R],
    (rows, inner, columns): (usize, usize, usize),
) {
    let out = ArrayViewMut2::from_shape((rows, columns), out);
    let (a, b) = (ArrayView2::from_shape((rows, inner), a), ArrayView2::from_shape((inner, columns), b));
    if let (Ok(out), Ok(a), Ok(b)) = (out, a, b) {
        add_product(out, replace, a, b);
    }
}
