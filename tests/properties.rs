//! Properties of the tensor kernels on random shapes, lengths of one and odd tails included.

use fastigial::monitor::Silent;
use fastigial::numerics::parallel::Threads;
use fastigial::numerics::rng;
use fastigial::tensor::dense::Dense;
use fastigial::tensor::mttkrp::{Halves, Reading, contract_group};
use fastigial::tensor::products::{mode_gram, mode_product};
use fastigial::tensor::slicetca::{Invariance, Options, Selection, Start, Starts, fit};
use ndarray::{Array2, ArrayD, Axis};
use proptest::prelude::*;

fn random(shape: &[usize], seed: u64) -> ArrayD<f64> {
    let mut stream = rng::stream(seed, 1);
    ArrayD::from_shape_simple_fn(shape, || rng::normal(&mut stream))
}

fn matrix(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    random(&[rows, columns], seed).into_dimensionality().expect("two axes")
}

/// The rows of the tensor along a mode, gathered the slow way: length × everything else.
fn unfolded(x: &ArrayD<f64>, mode: usize) -> Array2<f64> {
    let rows: Vec<f64> =
        x.axis_iter(Axis(mode)).flat_map(|part| part.iter().copied().collect::<Vec<_>>()).collect();
    Array2::from_shape_vec((x.shape()[mode], x.len() / x.shape()[mode]), rows).expect("every entry once")
}

fn close(a: &Array2<f64>, b: &Array2<f64>) -> bool {
    let size = b.iter().fold(1.0_f64, |m, v| m.max(v.abs()));
    a.dim() == b.dim() && (a - b).iter().all(|d| d.abs() <= 1e-12 * size)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn mode_products_and_grams_are_those_of_the_unfolding(
        shape in prop::collection::vec(1_usize..=35, 2..=4), columns in 1_usize..=20, seed in any::<u64>(),
    ) {
        let x = random(&shape, seed);
        for (mode, &length) in shape.iter().enumerate() {
            let q = matrix(length, columns, seed ^ 1);
            let threads = Threads::one();
            let flat = unfolded(&x, mode);
            let product = mode_product(Dense::of(&x), mode, q.view(), &threads);
            prop_assert!(close(&unfolded(&product, mode), &q.t().dot(&flat)));
            prop_assert!(close(&mode_gram(Dense::of(&x), mode, &threads), &flat.dot(&flat.t())));
        }
    }

    #[test]
    fn one_mttkrp_is_the_gradient_of_the_inner_product(
        shape in prop::collection::vec(1_usize..=12, 2..=5), rank in 1_usize..=9, seed in any::<u64>(),
    ) {
        // ⟨X, ⟦A⟧⟩ is linear in each factor, so ⟨M_n, A_n⟩ is the same number for every mode n.
        let x = random(&shape, seed);
        let factors: Vec<_> = shape.iter().enumerate().map(|(m, &d)| matrix(d, rank, seed ^ (m as u64 + 2))).collect();
        let halves = Halves::new(Dense::of(&x));
        let threads = Threads::one();
        let leading = halves.leading(&factors, Reading::Value, &threads);
        let trailing = halves.trailing(&factors, Reading::Value, &threads);
        let (first, last) = factors.split_at(halves.split);
        let inner = |half: &Array2<f64>, group: &[Array2<f64>], mode: usize| {
            (contract_group(half.view(), group, mode, &threads) * &group[mode]).sum()
        };
        let mut numbers: Vec<f64> = (0..first.len()).map(|mode| inner(&leading, first, mode)).collect();
        numbers.extend((0..last.len()).map(|mode| inner(&trailing, last, mode)));
        let size = numbers.iter().fold(1.0_f64, |m, v| m.max(v.abs())) * x.len() as f64;
        prop_assert!(numbers.iter().all(|v| (v - numbers[0]).abs() <= 1e-12 * size));
    }

    #[test]
    fn a_slice_fit_reports_its_own_residual_and_never_rises(
        shape in prop::collection::vec(1_usize..=9, 3), ranks in prop::collection::vec(0_usize..=2, 3), seed in any::<u64>(),
        nonnegative in any::<[bool; 3]>(), gap in prop::sample::select(vec![usize::MAX, 3, 2]),
    ) {
        prop_assume!(ranks.iter().any(|&r| r > 0) && ranks.iter().zip(&shape).all(|(r, d)| r <= d));
        let mut x = random(&shape, seed);
        // Never the first entry: something is observed.
        x.iter_mut().skip(1).step_by(gap.min(1000)).for_each(|v| *v = if gap == usize::MAX { *v } else { f64::NAN });
        let options = Options {
            ranks: [ranks[0], ranks[1], ranks[2]],
            nonnegative,
            start: Start::Svd,
            starts: Starts::Auto,
            invariance: Invariance::Full,
            max_iter: 200,
            tol: 1e-7,
            seed,
        };
        let found = fit(x.view(), None, &options, &Threads::one(), &mut Silent).expect("fits");
        let whole = found.model.reconstruct(&Selection::all(&found.model), &Threads::one()).expect("fits into memory");
        let squares: Vec<f64> = (&x - &whole).iter().filter(|d| !d.is_nan()).map(|d| d * d).collect();
        let residual = squares.iter().sum::<f64>() / squares.len() as f64;
        for kind in (0..3).filter(|&kind| nonnegative[kind]) {
            prop_assert!(found.model.loadings[kind].iter().all(|&v| v >= 0.0));
            prop_assert!(found.model.slices[kind].iter().all(|&v| v >= 0.0));
        }
        prop_assert!((residual - found.loss).abs() <= 1e-12 * (1.0 + residual));
        prop_assert!(found.loss_history.windows(2).all(|pair| pair[1] <= pair[0]));
    }
}
