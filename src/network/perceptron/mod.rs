//! Multilayer perceptron with rectified hidden layers and a linear output.
//!
//! ```text
//! a⁰ = rows;   aˡ⁺¹ = φ(aˡ Wˡᵀ + bˡ),   φ = max(0, ·), and the identity for the last layer
//! δᴸ = ∂loss/∂output;   ∂loss/∂Wˡ = δˡ⁺¹ᵀ aˡ;   ∂loss/∂bˡ = Σ_rows δˡ⁺¹;   δˡ = (δˡ⁺¹ Wˡ) ⊙ [aˡ > 0]
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | a⁰ | `rows` | (rows, sizes\[0\]) |
//! | aˡ⁺¹ | `Trace::activities[l]` | (rows, sizes\[l + 1\]) |
//! | Wˡ, bˡ | `weight_l`, `bias_l` | (sizes\[l + 1\], sizes\[l\]), (sizes\[l + 1\]) |
//! | δ | `delta` | (rows, sizes\[l\]) |
//!
//! Units of the first hidden layer may be wired to a few inputs each, as granule cells are to mossy fibres; weights of
//! missing connections are zero and their gradient is too.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::parameters::Parameters;
use crate::error::{Error, Result};
use crate::linalg::add_product;
use crate::numerics::activation::relu;
use crate::numerics::rng::{Stream, uniform};
use crate::numerics::room::{length, room};
use crate::real::Real;

/// The network and its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Perceptron<R> {
    sizes: Vec<usize>,
    /// Which weights of the first layer exist.
    mask: Option<Vec<bool>>,
    parameters: Parameters<R>,
}

/// What a forward pass leaves for the backward pass, with the buffers of both.
#[derive(Debug, Clone, Default)]
pub struct Trace<R> {
    n_rows: usize,
    activities: Vec<Vec<R>>,
    delta: Vec<R>,
    next_delta: Vec<R>,
}

impl<R: Real> Trace<R> {
    /// No pass yet.
    pub fn new() -> Self {
        Self { n_rows: 0, activities: Vec::new(), delta: Vec::new(), next_delta: Vec::new() }
    }

    /// What the last forward pass came to, row by row.
    pub fn output(&self) -> &[R] {
        self.activities.last().map_or(&[], Vec::as_slice)
    }
}

impl<R: Real> Perceptron<R> {
    /// Layers of given sizes, inputs first; weights and biases uniform within ±1/√(inputs of a unit). With `n_kept`, each unit of
    /// the first layer is connected to that many inputs, drawn without replacement.
    pub fn random(sizes: &[usize], n_kept: Option<usize>, stream: &mut Stream) -> Result<Self> {
        if sizes.len() < 2 || sizes.contains(&0) {
            let expected = "at least two layers, inputs and outputs, with at least one unit each";
            return Err(Error::value("sizes", format!("{sizes:?}"), expected));
        }
        if let Some(kept) = n_kept
            && !(1..=sizes[0]).contains(&kept)
        {
            return Err(Error::value(
                "n_kept",
                kept,
                format!("between 1 and the number of inputs, {}", sizes[0]),
            ));
        }
        // Not only each array alone: drawing the first ones would take long, and be for nothing.
        let n_values = sizes
            .windows(2)
            .fold(0_usize, |n, pair| n.saturating_add(pair[1].saturating_mul(pair[0].saturating_add(1))));
        length::<R>(&[n_values]).map_err(|_| Error::Memory { shape: sizes.to_vec() })?;
        let mask = n_kept.map(|kept| sparse(sizes[1], sizes[0], kept, stream)).transpose()?;
        let mut parameters = Parameters::new();
        for (layer, pair) in sizes.windows(2).enumerate() {
            let &[inputs, outputs] = pair else { continue };
            let fan_in = if layer == 0 { n_kept.unwrap_or(inputs) } else { inputs };
            let bound = 1.0 / (fan_in as f64).sqrt();
            let mut draw = |shape: &[usize]| -> Result<Vec<R>> {
                let mut values = room(shape, R::ZERO)?;
                values.fill_with(|| R::from_f64(bound * (2.0 * uniform(stream) - 1.0)));
                Ok(values)
            };
            let (weights, biases) = (draw(&[outputs, inputs])?, draw(&[outputs])?);
            parameters.push(format!("weight_{layer}"), &[outputs, inputs], weights)?;
            parameters.push(format!("bias_{layer}"), &[outputs], biases)?;
        }
        let mut network = Self { sizes: sizes.to_vec(), mask, parameters };
        network.apply_mask();
        Ok(network)
    }

    /// A network of given weights ("weight_0", "bias_0", "weight_1", …); `mask` says which weights of the first layer exist.
    pub fn from_parameters(
        sizes: &[usize],
        parameters: Parameters<R>,
        mask: Option<Vec<bool>>,
    ) -> Result<Self> {
        let mut network = Self::random(sizes, None, &mut crate::numerics::rng::stream(0, 0))?;
        if let Some(mask) = &mask
            && mask.len() != sizes[0] * sizes[1]
        {
            return Err(Error::shape(
                "mask",
                &[mask.len()],
                format!("one entry per weight of {:?}", &sizes[..2]),
            ));
        }
        network.mask = mask;
        network.set_parameters(parameters)?;
        Ok(network)
    }

    /// Units per layer, inputs first.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Which weights of the first layer exist (units, inputs); all when there is no mask.
    pub fn mask(&self) -> Option<&[bool]> {
        self.mask.as_deref()
    }

    /// Weights and biases.
    pub fn parameters(&self) -> &Parameters<R> {
        &self.parameters
    }

    /// Replaces weights and biases; those of missing connections become zero.
    pub fn set_parameters(&mut self, parameters: Parameters<R>) -> Result<()> {
        self.parameters.check_layout("parameters", &parameters)?;
        self.parameters = parameters;
        self.apply_mask();
        Ok(())
    }

    /// Weights and biases, for an optimiser's step. Weights of missing connections must stay zero, as they do
    /// when they are moved by gradients from here.
    pub fn parameters_mut(&mut self) -> &mut Parameters<R> {
        &mut self.parameters
    }

    /// Outputs (rows, size of the last layer), which stay in the trace for the backward pass.
    pub fn forward<'a>(&self, rows: ArrayView2<'_, R>, trace: &'a mut Trace<R>) -> Result<ArrayView2<'a, R>> {
        let (n_rows, n_layers) = (rows.nrows(), self.sizes.len() - 1);
        check_parameters(&self.sizes, &self.parameters)?;
        check_shape("rows", rows.dim(), (n_rows, self.sizes[0]))?;
        trace.n_rows = n_rows;
        trace.activities.resize_with(n_layers, Vec::new);
        let mut arrays = self.parameters.iter();
        for layer in 0..n_layers {
            let (Some(weights), Some(biases)) = (arrays.next(), arrays.next()) else { break };
            let (inputs, outputs) = (self.sizes[layer], self.sizes[layer + 1]);
            let (before, after) = trace.activities.split_at_mut(layer);
            let out = &mut after[0];
            out.clear();
            for _ in 0..n_rows {
                out.extend_from_slice(&biases.values);
            }
            let input = before.last().map_or(rows, |activity| matrix(activity, n_rows, inputs));
            let weights = matrix(&weights.values, outputs, inputs);
            add_product(matrix_mut(out, n_rows, outputs), false, input, weights.reversed_axes());
            if layer + 1 < n_layers {
                relu(out);
            }
        }
        Ok(matrix(&trace.activities[n_layers - 1], n_rows, self.sizes[n_layers]))
    }

    /// Adds d loss / d parameters to `gradient` and writes d loss / d rows into `input_gradient`, from d loss / d outputs
    /// (rows, outputs) and the trace that `forward` left for the same rows.
    pub fn backward(
        &self,
        rows: ArrayView2<'_, R>,
        output_gradient: ArrayView2<'_, R>,
        trace: &mut Trace<R>,
        gradient: &mut Parameters<R>,
        mut input_gradient: Option<ArrayViewMut2<'_, R>>,
    ) -> Result<()> {
        let (n_rows, n_layers) = (rows.nrows(), self.sizes.len() - 1);
        check_parameters(&self.sizes, &self.parameters)?;
        self.parameters.check_layout("gradient", gradient)?;
        check_shape("rows", rows.dim(), (trace.n_rows, self.sizes[0]))?;
        check_shape("output_gradient", output_gradient.dim(), (n_rows, self.sizes[n_layers]))?;
        if let Some(view) = &input_gradient {
            check_shape("input_gradient", view.dim(), rows.dim())?;
        }
        let Trace { activities, delta, next_delta, .. } = trace;
        let fits = |(activity, size): (&Vec<R>, &usize)| activity.len() == n_rows * size;
        if activities.len() != n_layers || !activities.iter().zip(&self.sizes[1..]).all(fits) {
            return Err(Error::value("trace", "of another network", "what forward left for the same rows"));
        }
        delta.clear();
        delta.extend(output_gradient.iter());
        let (mut arrays, mut slots) = (self.parameters.iter().rev(), gradient.iter_mut().rev());
        for layer in (0..n_layers).rev() {
            let (Some(bias_slot), Some(weight_slot)) = (slots.next(), slots.next()) else { break };
            let (Some(_), Some(weights)) = (arrays.next(), arrays.next()) else { break };
            let (inputs, outputs) = (self.sizes[layer], self.sizes[layer + 1]);
            let input = if layer == 0 { rows } else { matrix(&activities[layer - 1], n_rows, inputs) };
            let slopes = matrix(delta, n_rows, outputs);
            let weights = matrix(&weights.values, outputs, inputs);
            add_product(matrix_mut(&mut weight_slot.values, outputs, inputs), false, slopes.t(), input);
            for row in delta.chunks_exact(outputs) {
                for (bias, &slope) in bias_slot.values.iter_mut().zip(row) {
                    *bias += slope;
                }
            }
            if layer > 0 {
                next_delta.resize(n_rows * inputs, R::ZERO);
                add_product(matrix_mut(next_delta, n_rows, inputs), true, slopes, weights);
                for (slope, &activity) in next_delta.iter_mut().zip(&activities[layer - 1]) {
                    *slope = if activity > R::ZERO { *slope } else { R::ZERO };
                }
                std::mem::swap(delta, next_delta);
            } else {
                apply(self.mask(), &mut weight_slot.values);
                if let Some(view) = input_gradient.take() {
                    add_product(view, true, slopes, weights);
                }
            }
        }
        Ok(())
    }

    fn apply_mask(&mut self) {
        if let Some(weights) = self.parameters.iter_mut().next() {
            apply(self.mask.as_deref(), &mut weights.values);
        }
    }
}

/// Sets what does not exist to zero.
fn apply<R: Real>(mask: Option<&[bool]>, weights: &mut [R]) {
    for (weight, &exists) in weights.iter_mut().zip(mask.unwrap_or_default()) {
        *weight = if exists { *weight } else { R::ZERO };
    }
}

/// A mask (units, inputs) with `kept` inputs per unit: the head of a shuffle of all inputs.
fn sparse(n_units: usize, n_inputs: usize, kept: usize, stream: &mut Stream) -> Result<Vec<bool>> {
    let mut mask = room(&[n_units, n_inputs], false)?;
    let mut order = room(&[n_inputs], 0)?;
    order.iter_mut().enumerate().for_each(|(input, place)| *place = input);
    for row in mask.chunks_exact_mut(n_inputs) {
        for place in 0..kept {
            let ahead = (uniform(stream) * (n_inputs - place) as f64) as usize;
            // A product that rounds up to the number itself would lead beyond the end.
            order.swap(place, (place + ahead).min(n_inputs - 1));
            row[order[place]] = true;
        }
    }
    Ok(mask)
}

/// Parameters may have been changed from outside; their shapes must not.
fn check_parameters<R: Real>(sizes: &[usize], parameters: &Parameters<R>) -> Result<()> {
    let layers = || sizes.windows(2).flat_map(|pair| [pair[1] * pair[0], pair[1]]);
    if parameters.iter().map(|array| array.values.len()).eq(layers()) {
        return Ok(());
    }
    let got: Vec<usize> = parameters.iter().map(|array| array.values.len()).collect();
    let expected = format!("weights and biases of lengths {:?}", layers().collect::<Vec<_>>());
    Err(Error::value("parameters", format!("of lengths {got:?}"), expected))
}

fn check_shape(argument: &'static str, got: (usize, usize), expected: (usize, usize)) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::shape(argument, &[got.0, got.1], format!("({}, {})", expected.0, expected.1)))
}

fn matrix<R>(values: &[R], rows: usize, columns: usize) -> ArrayView2<'_, R> {
    ArrayView2::from_shape((rows, columns), values).expect("lengths were checked")
}

fn matrix_mut<R>(values: &mut [R], rows: usize, columns: usize) -> ArrayViewMut2<'_, R> {
    ArrayViewMut2::from_shape((rows, columns), values).expect("lengths were checked")
}

#[cfg(test)]
mod tests;
