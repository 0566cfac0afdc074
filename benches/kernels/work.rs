//! The kernels that fits are made of, and whole fits, on a planted 200 × 100 × 150 recording in single precision.

use std::hint::black_box;
use std::rc::Rc;

use fastigial::monitor::Silent;
use fastigial::numerics::parallel::Threads;
use fastigial::numerics::rng;
use fastigial::tensor::dense::Dense;
use fastigial::tensor::mttkrp::{Halves, Reading, contract_group};
use fastigial::tensor::products::{mode_gram, mode_product};
use fastigial::tensor::{cp, slicetca};
use ndarray::{Array2, ArrayD};

use crate::Case;

const SHAPE: [usize; 3] = [200, 100, 150];

/// All cases for a number of threads.
pub fn cases(n_threads: usize) -> Vec<Case> {
    let threads = Threads::new(Some(n_threads)).expect("a small number");
    let x = Rc::new(planted());
    let n = x.len() as f64;
    let mut cases = Vec::new();
    let mut add = |name: String, multiply_adds: f64, passes: f64, run: Box<dyn FnMut()>| {
        cases.push(Case { name, multiply_adds, bytes: passes * 4.0 * n, single: true, run });
    };
    for (mode, &length) in SHAPE.iter().enumerate() {
        let (x, threads) = (x.clone(), threads.clone());
        // Half of a symmetric product.
        let work = n * (length + 1) as f64 / 2.0;
        let run = move || _ = black_box(mode_gram(Dense::of(&x), mode, &threads));
        add(format!("Gram matrix of mode {mode}"), work, 1.0, Box::new(run));
    }
    for (mode, rank) in [(0, 3), (1, 3), (2, 3), (0, 10), (2, 10)] {
        let (x, threads) = (x.clone(), threads.clone());
        let q = Array2::<f32>::ones((SHAPE[mode], rank));
        let run = move || _ = black_box(mode_product(Dense::of(&x), mode, q.view(), &threads));
        add(format!("product with {rank} columns along mode {mode}"), n * rank as f64, 1.0, Box::new(run));
    }
    for rank in [8, 24] {
        let factors: Vec<Array2<f64>> = SHAPE.iter().map(|&d| Array2::ones((d, rank))).collect();
        let (x, threads) = (x.clone(), threads.clone());
        let run = move || {
            let halves = Halves::new(Dense::of(&x));
            let leading = halves.leading(&factors, Reading::Value, &threads);
            black_box(contract_group(leading.view(), &factors[..2], 0, &threads));
            black_box(contract_group(leading.view(), &factors[..2], 1, &threads));
            black_box(halves.trailing(&factors, Reading::Value, &threads));
        };
        add(format!("MTTKRP of all modes, {rank} components"), 2.0 * n * rank as f64, 2.0, Box::new(run));
    }
    let (y, shared) = (x.clone(), threads.clone());
    let run = move || {
        let options = slicetca::Options {
            ranks: [2, 3, 2],
            nonnegative: [false; 3],
            start: slicetca::Start::Svd,
            starts: slicetca::Starts::Auto,
            invariance: slicetca::Invariance::Full,
            max_iter: 500,
            tol: 1e-7,
            seed: 0,
        };
        black_box(slicetca::fit(y.view(), None, &options, &shared, &mut Silent).expect("fits"));
    };
    add("SliceTCA (2, 3, 2), whole fit".into(), n * 228.0, 1.0, Box::new(run));
    let y = planted_components(8);
    let run = move || {
        let options = cp::Options {
            n_components: 8,
            nonnegative: vec![false; 3],
            start: cp::Start::Svd,
            n_init: 1,
            max_iter: 500,
            tol: 1e-7,
            seed: 0,
        };
        black_box(cp::fit(y.view(), None, &options, None, &threads, &mut Silent).expect("fits"));
    };
    add("TCA, 8 components, whole fit".into(), n * 16.0, 2.0, Box::new(run));
    cases
}

/// Components of TCA plus noise.
fn planted_components(rank: usize) -> ArrayD<f32> {
    let mut stream = rng::stream(1, 0);
    let mut normal = |n: usize| -> Vec<f64> { (0..n).map(|_| rng::normal(&mut stream)).collect() };
    let [k, n, t] = SHAPE;
    let mut x = normal(k * n * t).iter().map(|v| 0.5 * v).collect::<Vec<f64>>();
    for _ in 0..rank {
        let (a, b, c) = (normal(k), normal(n), normal(t));
        for (i, entry) in x.iter_mut().enumerate() {
            *entry += a[i / (n * t)] * b[i / t % n] * c[i % t];
        }
    }
    ArrayD::from_shape_vec(SHAPE.to_vec(), x.into_iter().map(|v| v as f32).collect())
        .expect("as many as the shape")
}

/// Two components of each slice type, plus noise.
fn planted() -> ArrayD<f32> {
    let mut stream = rng::stream(0, 0);
    let mut normal = |n: usize| -> Vec<f64> { (0..n).map(|_| rng::normal(&mut stream)).collect() };
    let [k, n, t] = SHAPE;
    let mut x = normal(k * n * t).iter().map(|v| 0.5 * v).collect::<Vec<f64>>();
    for _ in 0..2 {
        let (u, v, w) = (normal(k), normal(n), normal(t));
        let (a, b, c) = (normal(n * t), normal(k * t), normal(k * n));
        for i in 0..k {
            for j in 0..n {
                for l in 0..t {
                    x[(i * n + j) * t + l] += u[i] * a[j * t + l] + v[j] * b[i * t + l] + w[l] * c[i * n + j];
                }
            }
        }
    }
    ArrayD::from_shape_vec(SHAPE.to_vec(), x.into_iter().map(|v| v as f32).collect())
        .expect("as many as the shape")
}
