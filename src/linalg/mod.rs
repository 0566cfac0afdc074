//! Products and factorisations of matrices: the only user of faer.
//!
//! Big products run in the recording's own precision; everything small (Gram matrices, factors, systems of a few
//! unknowns) is double precision. All of it runs on the calling thread: callers cut their work into pieces and share
//! those out, so that no number depends on the number of threads.

mod orthonormal;
mod panels;
mod products;
mod solve;
mod symmetric;

pub use orthonormal::{complete, orthonormal_basis, orthonormal_span};
pub use panels::{Begin, Packed, Rows, Source, add_outer, combine};
pub use products::{add_gram, add_product, cast, product};
pub use solve::{Ridge, solve_spd_rows};
pub use symmetric::{Spectrum, dominant_subspace, leading_eigenvectors, symmetric_eigen};
