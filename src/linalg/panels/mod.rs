//! Products of a few rows with matrices that are used again and again: the inside of a recurrent step.
//!
//! ```text
//! combine   out[i, :] = begin + Σ_s rows_s[i, :] B_s        i: samples; the sums stay in registers over all sources s
//! outer     out[i, k] += Σ_r left[r, i] right[r, k]         r: samples and steps; the gradient of a weight
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | B_s | [`Packed`] | inner × columns, packed once per call in panels that a register tile reads in order |
//! | rows_s | [`Source::rows`] | samples × inner, any row stride |
//! | out | | samples × padded columns |
//!
//! Rows of results are padded to whole registers ([`padded`](crate::numerics::lanes::padded)), so no kernel has a tail of columns; what stands in the
//! padding is zero in a packed matrix and without meaning in a sum of outer products. A general product packs its
//! operands in each call and cannot keep its sums between sources: at 64 units that costs more than the product.

mod combine;
mod outer;
mod packed;

pub use combine::{Begin, Source, combine};
pub use outer::{Rows, add_outer};
pub use packed::Packed;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::lanes::padded;
    use crate::real::Real;

    /// Numbers without pattern, without a generator (which this room may not use).
    fn numbers<T: Real>(n: usize, seed: u64) -> Vec<T> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            T::from_f64((state >> 11) as f64 / (1u64 << 53) as f64 - 0.5)
        };
        (0..n).map(|_| next()).collect()
    }

    fn combined_as_defined<T: Real>() {
        for (n_rows, n_columns, inner) in [
            (1, 1, [1, 0]),
            (3, 17, [5, 2]),
            (8, 64, [64, 8]),
            (13, 50, [50, 3]),
            (21, 100, [7, 100]),
            (4, 33, [0, 1]),
        ] {
            let width = padded::<T>(n_columns);
            let stride = width + 16;
            let rows: Vec<Vec<T>> = inner.iter().map(|k| numbers(n_rows * (k + 3), *k as u64 + 1)).collect();
            let matrices: Vec<Vec<T>> = inner.iter().map(|k| numbers(k * n_columns, *k as u64 + 7)).collect();
            let mut packed = [Packed::zeros(inner[0], n_columns), Packed::zeros(inner[1], n_columns)];
            packed[0].set_block(0, 0, n_columns, &matrices[0]);
            let transposed: Vec<T> =
                (0..n_columns).flat_map(|j| matrices[1].iter().skip(j).step_by(n_columns)).copied().collect();
            packed[1].set_transposed(0, 0, inner[1], &transposed);
            let sources: Vec<Source<'_, T>> =
                (0..2).map(|s| Source { rows: &rows[s], stride: inner[s] + 3, matrix: &packed[s] }).collect();
            let before: Vec<T> = numbers(n_rows * stride, 3);
            let row: Vec<T> = numbers(width, 4);
            for begin in [Begin::Zero, Begin::Row(&row), Begin::Out] {
                let mut out = before.clone();
                combine(&mut out, stride, n_rows, width, begin, &sources);
                for i in 0..n_rows {
                    for j in 0..n_columns {
                        let mut sum = match begin {
                            Begin::Zero => 0.0,
                            Begin::Row(row) => row[j].to_f64(),
                            Begin::Out => before[i * stride + j].to_f64(),
                        };
                        for s in 0..2 {
                            for k in 0..inner[s] {
                                sum += rows[s][i * (inner[s] + 3) + k].to_f64()
                                    * matrices[s][k * n_columns + j].to_f64();
                            }
                        }
                        let error = (out[i * stride + j].to_f64() - sum).abs();
                        assert!(error <= 40.0 * T::EPSILON, "{n_rows} {n_columns} {i} {j}: {error}");
                    }
                }
            }
        }
    }

    fn outer_as_defined<T: Real>() {
        for (n_rows, m, n) in [(1, 1, 1), (7, 5, 17), (40, 64, 64), (33, 50, 50), (2, 13, 100)] {
            let width = padded::<T>(n);
            let (left, right) = (numbers::<T>(n_rows * (m + 5), 1), numbers::<T>(n_rows * width, 2));
            let before: Vec<T> = numbers(m * width, 3);
            let mut out = before.clone();
            let left_rows = Rows { values: &left, stride: m + 5, width: m };
            let right_rows = Rows { values: &right, stride: width, width };
            add_outer(&mut out, n_rows, left_rows, right_rows);
            for i in 0..m {
                for k in 0..n {
                    let sum: f64 = (0..n_rows)
                        .map(|r| left[r * (m + 5) + i].to_f64() * right[r * width + k].to_f64())
                        .sum();
                    let error = (out[i * width + k].to_f64() - before[i * width + k].to_f64() - sum).abs();
                    assert!(error <= 40.0 * T::EPSILON, "{n_rows} {m} {n} {i} {k}: {error}");
                }
            }
        }
    }

    #[test]
    fn combined_single() {
        combined_as_defined::<f32>();
    }

    #[test]
    fn combined_double() {
        combined_as_defined::<f64>();
    }

    #[test]
    fn outer_single() {
        outer_as_defined::<f32>();
    }

    #[test]
    fn outer_double() {
        outer_as_defined::<f64>();
    }

    #[test]
    fn one_entry_at_a_time_is_the_same() {
        let values: Vec<f32> = numbers(9 * 50, 5);
        let (mut block, mut single) = (Packed::zeros(9, 50), Packed::zeros(9, 50));
        block.set_block(0, 0, 50, &values);
        for (place, &value) in values.iter().enumerate() {
            single.set(place / 50, place % 50, value);
        }
        assert_eq!(block.data, single.data);
    }
}
