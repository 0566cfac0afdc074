//! What predicts gradients of a network's state: perceptrons whose last layer begins at zero, or whatever is put in their place.

use ndarray::ArrayView2;

use super::whole_state::WholeState;
use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::network::perceptron::Perceptron;
use crate::numerics::rng::stream;
use crate::real::Real;
use crate::rnn::network::Network;

/// What can stand in for a perceptron.
pub trait Synthesizer<R: Real>: Send + Sync {
    /// Predicts the gradient of all later losses with respect to the states (samples × size) of trials `first_trial`, …
    /// before step `step`, into `predictions` (samples × size).
    fn predict(&self, first_trial: usize, step: usize, states: &[R], predictions: &mut [R]) -> Result<()>;
}

/// A perceptron from states to gradients.
pub fn perceptron<R: Real>(
    size: usize,
    hidden: &[usize],
    n_kept: Option<usize>,
    seed: u64,
) -> Result<Perceptron<R>> {
    let sizes: Vec<usize> = [size].iter().chain(hidden).chain([&size]).copied().collect();
    Perceptron::random(&sizes, n_kept, &mut stream(seed, 0))
}

/// The same with a last layer of zeros: it predicts nothing until it has learned.
pub fn silent_perceptron<R: Real>(
    size: usize,
    hidden: &[usize],
    n_kept: Option<usize>,
    seed: u64,
) -> Result<Perceptron<R>> {
    let mut perceptron = perceptron(size, hidden, n_kept, seed)?;
    for array in perceptron.parameters_mut().iter_mut().rev().take(2) {
        array.values.fill(R::ZERO);
    }
    Ok(perceptron)
}

/// An error unless a synthesiser that exists has the network's size.
pub fn check_size<R: Real>(synthesizer: Option<&Perceptron<R>>, network: &Network<R>) -> Result<()> {
    let size = WholeState::of(network).size();
    match synthesizer {
        Some(made) if made.sizes()[0] != size => Err(Error::value(
            "rule",
            format!("with a synthesiser of {} state variables", made.sizes()[0]),
            format!("the network's {size}, or a rule that has not been used yet"),
        )),
        _ => Ok(()),
    }
}

/// A perceptron as arrays: its parameters, and "mask" if it has one.
pub fn perceptron_state<R: Real>(
    perceptron: &Perceptron<R>,
    parameters: &Parameters<R>,
) -> Result<Parameters<R>> {
    let mut state = parameters.clone();
    if let Some(mask) = perceptron.mask() {
        let values = mask.iter().map(|&exists| if exists { R::ONE } else { R::ZERO }).collect();
        state.push("mask", &[perceptron.sizes()[1], perceptron.sizes()[0]], values)?;
    }
    Ok(state)
}

/// The perceptron of such arrays, in any order; None if there are none.
pub fn perceptron_of_state<R: Real>(state: &Parameters<R>) -> Result<Option<Perceptron<R>>> {
    let (mut parameters, mut sizes) = (Parameters::new(), Vec::new());
    let mask = state.values("mask").map(|mask| mask.iter().map(|&exists| exists != R::ZERO).collect());
    let layers = (0..state.len()).flat_map(|layer| [format!("weight_{layer}"), format!("bias_{layer}")]);
    let known: Vec<_> = layers.filter_map(|name| state.get(&name)).collect();
    if known.len() + usize::from(mask.is_some()) != state.len() {
        let names: Vec<&str> = state.iter().map(|array| array.name.as_str()).collect();
        return Err(Error::value("state", format!("with arrays {names:?}"), "weights and biases of layers"));
    }
    for array in known {
        if let &[outputs, inputs] = array.shape.as_slice() {
            if sizes.is_empty() {
                sizes.push(inputs);
            }
            sizes.push(outputs);
        }
        parameters.push(array.name.clone(), &array.shape, array.values.clone())?;
    }
    if state.is_empty() {
        return Ok(None);
    }
    if sizes.first() != sizes.last() || !parameters.all_finite() {
        let got = format!("for layers {sizes:?}");
        return Err(Error::value("state", got, "finite weights from states to gradients, equally many"));
    }
    Ok(Some(Perceptron::from_parameters(&sizes, parameters, mask)?))
}

/// Rows of states.
pub fn view<R: Real>(values: &[R], size: usize) -> Result<ArrayView2<'_, R>> {
    ArrayView2::from_shape((values.len() / size, size), values)
        .map_err(|_| Error::shape("states", &[values.len()], format!("a multiple of {size}")))
}
