//! probe
use fastigial::monitor::Silent;
use fastigial::numerics::parallel::Threads;
use fastigial::numerics::rng;
use fastigial::tensor::{cp, slicetca};
use std::time::Instant;
fn main() {
    let (d0, d1, d2) = (200usize, 100usize, 150usize);
    let mut s = rng::stream(0, 0);
    let mut v = |n: usize| -> Vec<f64> { (0..n).map(|_| rng::normal(&mut s)).collect() };
    let mut x = vec![0f64; d0 * d1 * d2];
    for r in 0..2 { let (u, a) = (v(d0), v(d1 * d2)); let _ = r; for i in 0..d0 { for j in 0..d1 * d2 { x[i * d1 * d2 + j] += u[i] * a[j]; } } }
    for _ in 0..3 { let (u, a) = (v(d1), v(d0 * d2)); for i in 0..d0 { for j in 0..d1 { for k in 0..d2 { x[(i * d1 + j) * d2 + k] += u[j] * a[i * d2 + k]; } } } }
    for _ in 0..2 { let (u, a) = (v(d2), v(d0 * d1)); for i in 0..d0 { for j in 0..d1 { for k in 0..d2 { x[(i * d1 + j) * d2 + k] += u[k] * a[i * d1 + j]; } } } }
    let noise = v(d0 * d1 * d2);
    let x: Vec<f32> = x.iter().zip(&noise).map(|(a, b)| (a + 0.5 * b) as f32).collect();
    let x = ndarray::ArrayD::from_shape_vec(vec![d0, d1, d2], x).unwrap();
    for n in [1, 2] {
        let threads = Threads::new(Some(n)).unwrap();
        for _ in 0..4 {
            let t = Instant::now();
            let f = slicetca::fit(x.view(), None, &slicetca::Options { ranks: [2, 3, 2], start: slicetca::Start::Svd, starts: slicetca::Starts::Auto, invariance: slicetca::Invariance::Full, max_iter: 500, tol: 1e-7, seed: 0 }, &threads, &mut Silent).unwrap();
            println!("slicetca {n} threads {:.2} ms loss {:.8} {:?} {} starts {:?} {:?}", t.elapsed().as_secs_f64() * 1e3, f.loss, f.outcome, f.start_losses.len(), &f.start_losses[..3], f.loss_history);
        }
    }
    let mut s = rng::stream(1, 0);
    let mut v = |n: usize| -> Vec<f64> { (0..n).map(|_| rng::normal(&mut s)).collect() };
    let mut x = vec![0f64; d0 * d1 * d2];
    for _ in 0..8 { let (a, b, c) = (v(d0), v(d1), v(d2)); for i in 0..d0 { for j in 0..d1 { for k in 0..d2 { x[(i * d1 + j) * d2 + k] += a[i] * b[j] * c[k]; } } } }
    let noise = v(d0 * d1 * d2);
    let x: Vec<f32> = x.iter().zip(&noise).map(|(a, b)| (a + 0.5 * b) as f32).collect();
    let x = ndarray::ArrayD::from_shape_vec(vec![d0, d1, d2], x).unwrap();
    for n in [1, 2] {
        let threads = Threads::new(Some(n)).unwrap();
        for n_init in [1, 1, 1, 10] {
            let t = Instant::now();
            let f = cp::fit(x.view(), None, &cp::Options { n_components: 8, nonnegative: vec![false; 3], start: cp::Start::Svd, n_init, max_iter: 500, tol: 1e-7, seed: 0 }, &threads, &mut Silent).unwrap();
            println!("tca {n} threads {n_init} init {:.2} ms loss {:.8} {:?} sweeps {} {:?}", t.elapsed().as_secs_f64() * 1e3, f.loss, f.outcome, f.loss_history.len(), &f.loss_history[f.loss_history.len()-3..]);
        }
    }
}
