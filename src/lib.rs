//! The core of fastigial: decompositions of neural recordings, recurrent networks and cerebellar modules.
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
//! | [`plant`] | what is controlled: linear plants with delays |
//! | [`cerebellum`] | granule layers, Purkinje cells and nuclei, plasticity, adaptive filters |
//! | [`models`] | published systems composed from these rooms |
//! | `bindings` | the Python module (feature `python`) |

pub mod cerebellum;
pub mod error;
pub mod files;
pub mod linalg;
pub mod models;
pub mod monitor;
pub mod network;
pub mod numerics;
pub mod plant;
pub mod real;
pub mod rnn;
pub mod tensor;

#[cfg(feature = "python")]
mod bindings;
