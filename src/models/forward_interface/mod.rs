//! Forward and backward interfaces between the layers of a perceptron: layers that wait neither for the activity below nor for
//! the gradient above.
//!
//! ```text
//! main model   u₀ = x;   h_l = max(0, W_l u_{l−1} + b_l),  l = 1 … L;   y = W_{L+1} u_L + b_{L+1}
//! locked       u_l = h_l                          unlocked   u_l = ĥ_l = C_F^l(x)
//! gradient     g_L = W_{L+1}ᵀ ∂ℓ/∂y;   g_{l−1} = W_lᵀ (d_l ⊙ [h_l > 0])     as layer l gives it to its input
//! locked       d_l = g_l                          unlocked   d_l = C_B^l(h_l)
//!
//! main model learns    ΔW_l ∝ −⟨(d_l ⊙ [h_l > 0]) u_{l−1}ᵀ⟩,   ΔW_{L+1} ∝ −⟨∂ℓ/∂y u_Lᵀ⟩
//! synthesisers lower   ⟨‖C_F^l(x) − h_l‖²⟩ and ⟨‖C_B^l(h_l) − g_l‖²⟩, where h_l and g_l are held
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | x, y | `inputs`, `outputs` | (rows, sizes\[0\]), (rows, sizes\[L + 1\]) |
//! | h_l, ĥ_l | `activities`, `predictions` | (rows, sizes\[l\]) |
//! | g_l, d_l | `slopes`, before and after the backward synthesiser | (rows, sizes\[l\]) |
//! | W_l, b_l | `main` | a perceptron without hidden layer each, L + 1 of them |
//! | C_B^l, C_F^l | `backward`, `forward` | a perceptron each, L of them or none |
//! | ⟨·⟩ | | mean over the rows of a batch; in ΔW, over those with targets |
//!
//! Backward interfaces (decoupled neural interfaces with synthetic gradients) and forward ones: Jaderberg, Czarnecki, Osindero, Vinyals,
//! Graves, Silver and Kavukcuoglu 2017 (ICML); as cerebellar interfaces: Boven, Pemberton, Chadderton, Apps and Costa 2023
//! (Nat Commun) and Pemberton, Boven, Apps and Costa 2021 (NeurIPS).
//!
//! No gradient flows through ĥ, and none from a synthesiser into what it reads. With forward interfaces only, the gradient that a layer gives to ĥ_l is
//! handed to the layer below as that of h_l. ℓ is the loss of one row, so that what C_B predicts does not depend on the size of
//! the batch, nor on what is observed of other rows: targets of its own that were not observed add nothing to it, and its gradient is
//! zero where there are none at all. A row of which k of n targets were observed counts as k/n of a row in ⟨·⟩. Departures: no batch normalisation, and synthesisers are not told the label.

use ndarray::{Array2, ArrayView2, s};

use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::network::perceptron::{Perceptron, Trace};
use crate::numerics::activation::relu;
use crate::numerics::parallel::Threads;
use crate::numerics::rng::stream;
use crate::real::Real;

mod batch;
mod lesson;
pub mod training;

pub use batch::Loss;

/// What the model is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// Units per layer of the main model, inputs first; at least one hidden layer.
    pub sizes: Vec<usize>,
    /// Units per hidden layer of every synthesiser.
    pub synthesiser: Vec<usize>,
    /// Whether layers learn from predicted gradients.
    pub backward: bool,
    /// Whether layers compute from predicted activities.
    pub forward: bool,
}

/// The main model and its interfaces.
#[derive(Debug, Clone, PartialEq)]
pub struct ForwardInterface<R> {
    main: Vec<Perceptron<R>>,
    backward: Option<Vec<Perceptron<R>>>,
    forward: Option<Vec<Perceptron<R>>>,
}

/// Rows that are run at once.
const ROWS: usize = 256;

impl<R: Real> ForwardInterface<R> {
    /// A model before training: weights uniform within ±1/√(inputs of a unit), but for the last layer of the backward
    /// synthesisers, which is zero.
    pub fn random(structure: &Structure, seed: u64) -> Result<Self> {
        let sizes = &structure.sizes;
        if sizes.len() < 3 {
            let expected = "inputs, at least one hidden layer, and outputs";
            return Err(Error::value("sizes", format!("{sizes:?}"), expected));
        }
        let mut item = 0;
        let mut draw = |from: usize, hidden: &[usize], to: usize| {
            item += 1;
            let sizes: Vec<usize> = [from].iter().chain(hidden).chain([&to]).copied().collect();
            Perceptron::random(&sizes, None, &mut stream(seed, item))
        };
        let main = sizes.windows(2).map(|pair| draw(pair[0], &[], pair[1])).collect::<Result<_>>()?;
        let hidden = &sizes[1..sizes.len() - 1];
        let mut backward: Vec<Perceptron<R>> =
            hidden.iter().map(|&size| draw(size, &structure.synthesiser, size)).collect::<Result<_>>()?;
        for array in backward.iter_mut().flat_map(|piece| piece.parameters_mut().iter_mut().rev().take(2)) {
            array.values.fill(R::ZERO);
        }
        let forward =
            hidden.iter().map(|&size| draw(sizes[0], &structure.synthesiser, size)).collect::<Result<_>>()?;
        Self::from_parts(main, structure.backward.then_some(backward), structure.forward.then_some(forward))
    }

    /// A model of given layers and synthesisers.
    pub fn from_parts(
        main: Vec<Perceptron<R>>,
        backward: Option<Vec<Perceptron<R>>>,
        forward: Option<Vec<Perceptron<R>>>,
    ) -> Result<Self> {
        let ends = |piece: &Perceptron<R>| (piece.sizes()[0], piece.sizes()[piece.sizes().len() - 1]);
        let chained = main.windows(2).all(|pair| ends(&pair[0]).1 == ends(&pair[1]).0);
        if main.len() < 2 || !chained || main.iter().any(|layer| layer.sizes().len() != 2) {
            let got: Vec<_> = main.iter().map(Perceptron::sizes).collect();
            let expected = "two layers or more, each with as many inputs as the one before has outputs";
            return Err(Error::value("main", format!("layers of sizes {got:?}"), expected));
        }
        let hidden: Vec<usize> = main[1..].iter().map(|layer| ends(layer).0).collect();
        let n_inputs = ends(&main[0]).0;
        for (name, pieces, from_inputs) in [("backward", &backward, false), ("forward", &forward, true)] {
            let Some(pieces) = pieces else { continue };
            let expected = hidden.iter().map(|&size| (if from_inputs { n_inputs } else { size }, size));
            if !pieces.iter().map(ends).eq(expected.clone()) {
                let got: Vec<_> = pieces.iter().map(ends).collect();
                let expected = format!("inputs and outputs {:?}", expected.collect::<Vec<_>>());
                return Err(Error::value(
                    name,
                    format!("perceptrons with inputs and outputs {got:?}"),
                    expected,
                ));
            }
        }
        Ok(Self { main, backward, forward })
    }

    /// Number of hidden layers.
    pub fn n_hidden(&self) -> usize {
        self.main.len() - 1
    }

    /// Layers, backward synthesisers and forward synthesisers, in this order.
    pub fn pieces(&self) -> impl Iterator<Item = &Perceptron<R>> {
        self.main.iter().chain(self.backward.iter().flatten()).chain(self.forward.iter().flatten())
    }

    fn pieces_mut(&mut self) -> impl Iterator<Item = &mut Perceptron<R>> {
        self.main
            .iter_mut()
            .chain(self.backward.iter_mut().flatten())
            .chain(self.forward.iter_mut().flatten())
    }

    /// All weights, named "main_0.weight_0", "backward_0.weight_0", "forward_0.weight_0" and so on.
    pub fn parameters(&self) -> Result<Parameters<R>> {
        let mut found = Parameters::new();
        let groups = [
            ("main", Some(&self.main)),
            ("backward", self.backward.as_ref()),
            ("forward", self.forward.as_ref()),
        ];
        for (group, pieces) in groups {
            for (number, piece) in pieces.into_iter().flatten().enumerate() {
                for array in piece.parameters() {
                    let name = format!("{group}_{number}.{}", array.name);
                    found.push(name, &array.shape, array.values.clone())?;
                }
            }
        }
        Ok(found)
    }

    /// The model that has these weights.
    pub fn from_parameters(parameters: &Parameters<R>) -> Result<Self> {
        let group = |name: &str| -> Result<Option<Vec<Perceptron<R>>>> {
            let pieces =
                (0..).map_while(|number| piece(parameters, &format!("{name}_{number}.")).transpose());
            let pieces = pieces.collect::<Result<Vec<_>>>()?;
            Ok((!pieces.is_empty()).then_some(pieces))
        };
        let model =
            Self::from_parts(group("main")?.unwrap_or_default(), group("backward")?, group("forward")?)?;
        model.parameters()?.check_layout("parameters", parameters)?;
        Ok(model)
    }

    /// Activities h_1 … h_L and outputs y of rows, layer by layer; `unlocked` gives the predictions ĥ_1 … ĥ_L instead, and what
    /// the output layer makes of the last of them.
    pub fn run(
        &self,
        inputs: ArrayView2<'_, R>,
        unlocked: bool,
        threads: &Threads,
    ) -> Result<Vec<Array2<R>>> {
        let synthesisers = match (&self.forward, unlocked) {
            (None, true) => {
                let expected = "a model with forward synthesisers";
                return Err(Error::value("unlocked", "true", expected));
            }
            (synthesisers, _) => synthesisers.as_ref().filter(|_| unlocked),
        };
        check_inputs(inputs, self.main[0].sizes()[0])?;
        let n_rows = inputs.nrows();
        let blocks = threads.map(n_rows.div_ceil(ROWS), |block| {
            let rows = inputs.slice(s![block * ROWS..((block + 1) * ROWS).min(n_rows), ..]);
            let mut trace = Trace::new();
            let mut found: Vec<Array2<R>> = Vec::with_capacity(self.main.len());
            for (number, layer) in self.main.iter().enumerate() {
                let synthesiser = synthesisers.and_then(|pieces| pieces.get(number));
                let input = found.last().filter(|_| synthesiser.is_none());
                let input = input.map_or(rows, |activity| activity.view());
                let mut outputs = synthesiser.unwrap_or(layer).forward(input, &mut trace)?.to_owned();
                if let (true, None, Some(values)) =
                    (number < self.n_hidden(), synthesiser, outputs.as_slice_mut())
                {
                    relu(values);
                }
                found.push(outputs);
            }
            Ok(found)
        });
        let mut whole: Vec<Array2<R>> =
            self.main.iter().map(|layer| Array2::from_elem((n_rows, layer.sizes()[1]), R::ZERO)).collect();
        for (block, found) in blocks.into_iter().enumerate() {
            for (whole, part) in whole.iter_mut().zip(found?) {
                whole.slice_mut(s![block * ROWS.., ..]).slice_mut(s![..part.nrows(), ..]).assign(&part);
            }
        }
        Ok(whole)
    }
}

/// The perceptron whose arrays begin with a prefix, or none.
fn piece<R: Real>(parameters: &Parameters<R>, prefix: &str) -> Result<Option<Perceptron<R>>> {
    let mut own = Parameters::new();
    let mut sizes = Vec::new();
    for array in parameters {
        let Some(name) = array.name.strip_prefix(prefix) else { continue };
        if let (&[outputs, inputs], true) = (array.shape.as_slice(), name.starts_with("weight")) {
            if sizes.is_empty() {
                sizes.push(inputs);
            }
            sizes.push(outputs);
        }
        own.push(name, &array.shape, array.values.clone())?;
    }
    if own.is_empty() { Ok(None) } else { Perceptron::from_parameters(&sizes, own, None).map(Some) }
}

/// Inputs must be numbers, as many in a row as the model has inputs.
fn check_inputs<R: Real>(inputs: ArrayView2<'_, R>, n_inputs: usize) -> Result<()> {
    if inputs.ncols() != n_inputs || inputs.nrows() == 0 {
        let expected = format!("(rows, {n_inputs}), with at least one row");
        return Err(Error::shape("X", &[inputs.nrows(), inputs.ncols()], expected));
    }
    if inputs.iter().any(|value| !value.to_f64().is_finite()) {
        return Err(Error::value("X", "not finite somewhere", "finite numbers"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
