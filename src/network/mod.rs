//! What every trained model shares: named parameters, losses, optimisers and perceptrons.

pub mod objective;
pub mod optimizer;
pub mod parameters;
pub mod perceptron;
