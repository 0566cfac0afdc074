//! The core of fastigial: decompositions of neural recordings, and (in rooms to come) recurrent networks and
//! cerebellar modules.
//!
//! | room | what |
//! | --- | --- |
//! | [`error`], [`real`], [`monitor`] | failures, scalar types, and what a kernel knows of its caller |
//! | [`numerics`] | random streams, threads, elementwise functions |
//! | [`files`] | named arrays in files |
//! | [`linalg`] | products and factorisations |
//! | [`tensor`] | decompositions and the products they are made of |
//! | [`network`] | what trained models share: named parameters, losses, optimisers, perceptrons |
//! | [`rnn`] | recurrent networks: simulation, adjoint, learning rules |
//! | `bindings` | the Python module (feature `python`) |

pub mod error;
pub mod files;
pub mod linalg;
pub mod monitor;
pub mod network;
pub mod numerics;
pub mod real;
pub mod rnn;
pub mod tensor;

#[cfg(feature = "python")]
mod bindings;
