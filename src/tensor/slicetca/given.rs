//! A given model as a start: without what is not admissible, and with as many components as were asked for.
//!
//! A model of fewer components keeps those it has. The others start from random fibres of the recording as loadings, with
//! empty slices; so a grid of ranks can be climbed from one fit to the next.

use ndarray::{Array2, Array3, Axis, concatenate};

use super::super::dense::Dense;
use super::Options;
use super::constrained::random_loading;
use super::contractions::slice_axes;
use super::model::SliceModel;
use crate::error::{Error, Result};
use crate::numerics::rng;
use crate::real::Real;

/// Whether a model can start a fit of these ranks to a recording of this shape.
pub fn check(model: &SliceModel<f64>, ranks: [usize; 3], shape: &[usize]) -> Result<()> {
    for ((loading, &rank), &length) in model.loadings.iter().zip(&ranks).zip(shape) {
        if loading.ncols() != length || loading.nrows() > rank {
            let expected = format!("loadings of X and at most n_components, here ({rank}, {length})");
            return Err(Error::shape("init", loading.shape(), expected));
        }
    }
    Ok(())
}

/// The model with the components it lacks.
pub fn grown<T: Real>(model: &SliceModel<f64>, x: Dense<'_, T>, options: &Options) -> SliceModel<f64> {
    let mut rng = rng::stream(options.seed, 0);
    let mut model = model.clone();
    for kind in 0..3 {
        let missing = options.ranks[kind] - model.loadings[kind].nrows();
        if missing == 0 {
            continue;
        }
        let mut loadings = Array2::zeros((missing, x.shape[kind]));
        for row in loadings.rows_mut() {
            random_loading(x, kind, options.nonnegative[kind], &mut rng, row);
        }
        let [a, b] = slice_axes(kind).map(|axis| x.shape[axis]);
        let slices = Array3::zeros((missing, a, b));
        let joined = concatenate(Axis(0), &[model.loadings[kind].view(), loadings.view()]);
        model.loadings[kind] = joined.expect("loadings along the same axis");
        let joined = concatenate(Axis(0), &[model.slices[kind].view(), slices.view()]);
        model.slices[kind] = joined.expect("slices over the same axes");
    }
    model
}

/// A given model without what must not be.
pub fn admissible<T: Real>(model: &SliceModel<f64>, nonnegative: [bool; 3]) -> SliceModel<T> {
    let allowed = |kind: usize, v: f64| T::from_f64(if nonnegative[kind] { v.max(0.0) } else { v });
    SliceModel {
        loadings: std::array::from_fn(|kind| model.loadings[kind].mapv(|v| allowed(kind, v))),
        slices: std::array::from_fn(|kind| model.slices[kind].mapv(|v| allowed(kind, v))),
    }
}
