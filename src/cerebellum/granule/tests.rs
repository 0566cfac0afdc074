use super::*;
use crate::numerics::rng::{normal, stream, uniform};
use wiring::{local, random};

fn threads() -> Threads {
    Threads::new(Some(2)).unwrap()
}

fn normals(n: usize, seed: u64) -> Vec<f64> {
    let mut rng = stream(seed, 0);
    (0..n).map(|_| normal(&mut rng)).collect()
}

fn golgi((pathway, inhibition): (Pathway, Inhibition)) -> Golgi {
    Golgi { pathway, inhibition, gain: 1.7 }
}

fn all_golgi() -> Vec<Option<Golgi>> {
    let kinds = [
        (Pathway::FeedForward, Inhibition::Subtractive),
        (Pathway::FeedForward, Inhibition::Divisive),
        (Pathway::Feedback, Inhibition::Subtractive),
        (Pathway::Feedback, Inhibition::Divisive),
    ];
    std::iter::once(None).chain(kinds.map(|kind| Some(golgi(kind)))).collect()
}

/// Whether inhibition of this kind comes in steps, since it is the number of active cells.
fn in_steps(golgi: Option<Golgi>, activation: Activation) -> bool {
    activation == Activation::Binary && golgi.is_some_and(|golgi| golgi.pathway == Pathway::Feedback)
}

fn layer<R: Real>(
    n_mossy: usize,
    n_granule: usize,
    n_inputs: usize,
    golgi: Option<Golgi>,
    activation: Activation,
) -> GranuleLayer<R> {
    let sources = random(n_mossy, n_granule, n_inputs, 3, &threads()).unwrap();
    let weights = normals(n_granule * n_inputs, 4).iter().map(|w| R::from_f64(w.abs())).collect();
    let thresholds = normals(n_granule, 5).iter().map(|t| R::from_f64(0.4 + 0.3 * t.abs())).collect();
    GranuleLayer::new(Parts { n_mossy, sources, weights, thresholds, activation, golgi, basis: None })
        .unwrap()
}

/// The sums and, given inhibition, the activity, by the equations.
fn slow(layer: &GranuleLayer<f64>, sample: &[f64], m: f64) -> Vec<f64> {
    let parts = &layer.parts;
    (0..layer.n_granule())
        .map(|i| {
            let mut u = 0.0;
            for k in i * layer.n_inputs()..(i + 1) * layer.n_inputs() {
                u += parts.weights[k] * sample[parts.sources[k] as usize];
            }
            let above = match parts.golgi {
                None => u - parts.thresholds[i],
                Some(Golgi { inhibition: Inhibition::Subtractive, gain, .. }) => {
                    u - parts.thresholds[i] - gain * m
                }
                Some(Golgi { gain, .. }) => u / (1.0 + gain * m.max(0.0)) - parts.thresholds[i],
            };
            match parts.activation {
                Activation::Relu => above.max(0.0),
                Activation::Binary => f64::from(above > 0.0),
            }
        })
        .collect()
}

#[test]
fn activity_is_that_of_the_equations() {
    for golgi in all_golgi() {
        for activation in [Activation::Relu, Activation::Binary] {
            for n_samples in [1, 3, 4, 37] {
                let layer = layer::<f64>(23, 130, 5, golgi, activation);
                let mossy: Vec<f64> = normals(n_samples * 23, 6).iter().map(|x| 1.0 + x).collect();
                let mut out = vec![f64::NAN; n_samples * 130];
                layer.forward(&mossy, &mut out, &threads()).unwrap();
                let inhibition = layer.inhibition(&mossy, &threads(), &Stop::default()).unwrap();
                for (s, row) in out.chunks(130).enumerate() {
                    let sample = &mossy[s * 23..(s + 1) * 23];
                    // Of binary cells in balance, one is just at its threshold.
                    let steps = in_steps(golgi, activation);
                    let less = if steps { 1.0 - 1e-9 } else { 1.0 };
                    let expected = slow(&layer, sample, less * inhibition[s]);
                    for (a, b) in row.iter().zip(&expected) {
                        assert!((a - b).abs() < 1e-12, "{golgi:?} {activation:?}: {a} {b}");
                    }
                    match golgi.map(|golgi| golgi.pathway) {
                        None => assert_eq!(inhibition[s], 0.0),
                        Some(Pathway::FeedForward) => {
                            assert!((inhibition[s] - sample.iter().sum::<f64>() / 23.0).abs() < 1e-14);
                        }
                        Some(Pathway::Feedback) if activation == Activation::Relu => {
                            let balance = row.iter().sum::<f64>() / 130.0;
                            assert!((inhibition[s] - balance).abs() < 1e-13);
                        }
                        Some(Pathway::Feedback) => {
                            // As many as inhibition accounts for or more, and under any more of it too few.
                            assert!(row.iter().sum::<f64>() >= 130.0 * inhibition[s] - 1e-9);
                            let above = inhibition[s] * (1.0 + 1e-9) + 1e-12;
                            assert!(slow(&layer, sample, above).iter().sum::<f64>() < 130.0 * above);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_sample_does_not_depend_on_others_or_on_threads() {
    for golgi in all_golgi() {
        let layer = layer::<f32>(50, 40_000, 4, golgi, Activation::Relu);
        let mossy: Vec<f32> = normals(21 * 50, 7).iter().map(|&x| x as f32).collect();
        let mut whole = vec![0.0; 21 * 40_000];
        layer.forward(&mossy, &mut whole, &Threads::one()).unwrap();
        for n_threads in [1, 3] {
            let threads = Threads::new(Some(n_threads)).unwrap();
            for n in [1, 2, 16, 20] {
                let mut out = vec![0.0; n * 40_000];
                layer.forward(&mossy[50..(n + 1) * 50], &mut out, &threads).unwrap();
                assert!(out == whole[40_000..(n + 1) * 40_000]);
            }
        }
    }
}

#[test]
fn single_precision_is_close_to_double() {
    for golgi in all_golgi() {
        let double = layer::<f64>(30, 200, 4, golgi, Activation::Relu);
        let single = layer::<f32>(30, 200, 4, golgi, Activation::Relu);
        let mossy = normals(40 * 30, 8);
        let narrow: Vec<f32> = mossy.iter().map(|&x| x as f32).collect();
        let (mut a, mut b) = (vec![0.0; 8000], vec![0.0; 8000]);
        double.forward(&mossy, &mut a, &threads()).unwrap();
        single.forward(&narrow, &mut b, &threads()).unwrap();
        assert!(a.iter().zip(&b).all(|(a, &b)| (a - f64::from(b)).abs() < 1e-5));
    }
}

#[test]
fn sources_are_different_and_all_alike() {
    for (n_mossy, n_inputs) in [(7, 1), (7, 3), (7, 7)] {
        let n_granule = 14_000;
        let sources = random(n_mossy, n_granule, n_inputs, 1, &threads()).unwrap();
        assert_eq!(sources, random(n_mossy, n_granule, n_inputs, 1, &Threads::one()).unwrap());
        assert!(sources.chunks(n_inputs).all(|set| set.windows(2).all(|pair| pair[0] < pair[1])));
        let mut counts = vec![0_usize; n_mossy];
        let mut pairs = 0_usize;
        for set in sources.chunks(n_inputs) {
            for &source in set {
                counts[source as usize] += 1;
            }
            pairs += usize::from(set.contains(&0) && set.contains(&6));
        }
        let share = n_inputs as f64 / n_mossy as f64;
        let n = n_granule as f64;
        let error = 5.0 * (n * share * (1.0 - share)).sqrt();
        assert!(counts.iter().all(|&c| (c as f64 - n * share).abs() <= error), "{counts:?}");
        let both = share * (n_inputs as f64 - 1.0) / (n_mossy as f64 - 1.0);
        assert!((pairs as f64 - n * both).abs() <= 5.0 * (n * both * (1.0 - both)).sqrt());
    }
}

#[test]
fn local_sources_are_those_closest_to_the_length() {
    let mut rng = stream(2, 0);
    let mut points = |n: usize| -> Vec<f64> { (0..3 * n).map(|_| uniform(&mut rng)).collect() };
    let (mossy, granule) = (points(40), points(50));
    for length in [0.0, 0.3] {
        let found = local(&mossy, &granule, 3, 4, length, &threads()).unwrap();
        for (cell, set) in found.chunks(4).enumerate() {
            let cost = |fibre: usize| {
                let squared: f64 =
                    (0..3).map(|d| (mossy[3 * fibre + d] - granule[3 * cell + d]).powi(2)).sum();
                (squared.sqrt() - length).abs()
            };
            let worst = set.iter().map(|&s| cost(s as usize)).fold(0.0, f64::max);
            assert_eq!((0..40).filter(|&fibre| cost(fibre) <= worst).count(), 4);
        }
    }
}

#[test]
fn calibration_meets_the_coding_level() {
    let n_samples = 400;
    for golgi in all_golgi() {
        for activation in [Activation::Relu, Activation::Binary] {
            for scope in [Scope::Cell, Scope::Layer] {
                for level in [0.05, 0.3] {
                    let layer = layer::<f64>(40, 300, 4, golgi, activation);
                    let mossy: Vec<f64> = normals(n_samples * 40, 9).iter().map(|x| 1.0 + 0.5 * x).collect();
                    let found = layer.calibrate(&mossy, level, scope, &threads(), &Stop::default()).unwrap();
                    assert!(found.balanced, "{golgi:?} {activation:?} {scope:?} {level}");
                    let same =
                        layer.calibrate(&mossy, level, scope, &Threads::one(), &Stop::default()).unwrap();
                    assert_eq!(found, same);
                    if scope == Scope::Layer {
                        assert!(found.thresholds.iter().all(|&t| t == found.thresholds[0]));
                    }
                    let layer = layer.with_thresholds(found.thresholds).unwrap();
                    let mut out = vec![0.0; n_samples * 300];
                    layer.forward(&mossy, &mut out, &threads()).unwrap();
                    let active = |cell: usize| {
                        (0..n_samples).filter(|s| out[s * 300 + cell] > 0.0).count() as f64 / n_samples as f64
                    };
                    let mean = (0..300).map(active).sum::<f64>() / 300.0;
                    // Inhibition in steps gives a balance in steps, of one cell in each sample.
                    let steps = in_steps(golgi, activation);
                    let tolerance = if steps { 1.0 / 300.0 } else { 0.01 * level };
                    assert!((mean - level).abs() < tolerance, "{golgi:?} {activation:?} {scope:?}: {mean}");
                    if scope == Scope::Cell {
                        let worst = (0..300).map(|cell| (active(cell) - level).abs()).fold(0.0, f64::max);
                        let tolerance = if steps { 0.02 } else { 0.006 };
                        assert!(worst < tolerance, "{golgi:?} {activation:?} {level}: {worst}");
                    }
                }
            }
        }
    }
}

#[test]
fn levels_that_cannot_be_had_come_as_near_as_they_can() {
    let split = |values: &[f64], n| calibration::split(&mut values.to_vec(), n);
    assert_eq!(split(&[1.0, 2.0, 3.0, 4.0], 1), 3.5);
    assert_eq!(split(&[1.0, 2.0, 3.0, 4.0], 3), 1.5);
    // Three are equal: two wanted is nearer to three than to none, two of five with one above nearer to one.
    assert_eq!(split(&[0.0, 1.0, 1.0, 1.0], 2), 0.5);
    assert_eq!(split(&[0.0, 1.0, 1.0, 1.0, 1.0, 2.0], 2), 1.5);
    // Not nobody.
    assert_eq!(split(&[0.0, 1.0, 1.0, 1.0, 1.0, 1.0], 1), 0.5);
    assert_eq!(split(&[1.0, 1.0, 1.0], 1), 1.0);
    let next = 1.0 + f64::EPSILON;
    assert_eq!(split(&[1.0, next], 1), 1.0);
}

#[test]
fn filters_are_convolutions_with_their_kernels() {
    let (n_steps, taus) = (60, [3.0, 8.0]);
    for shape in [Shape::Exponential, Shape::Alpha] {
        let plain = layer::<f64>(20, 37, 4, None, Activation::Relu);
        let basis = Some(TemporalBasis::new(shape, &taus).unwrap());
        let filtered = GranuleLayer::new(Parts { basis, ..plain.parts.clone() }).unwrap();
        assert_eq!(filtered.n_features(), 74);
        let mossy = normals(3 * n_steps * 20, 11);
        let mut granule = vec![0.0; 3 * n_steps * 37];
        plain.forward(&mossy, &mut granule, &threads()).unwrap();
        let mut features = vec![0.0; 3 * n_steps * 74];
        filtered.features(&mossy, n_steps, &mut features, &threads(), &Stop::default()).unwrap();
        for trial in 0..3 {
            for (b, tau) in taus.iter().enumerate() {
                let a = f64::exp(-1.0 / tau);
                let kernel = |n: usize| match shape {
                    Shape::Exponential => (1.0 - a) * a.powf(n as f64),
                    Shape::Alpha => (1.0 - a).powi(2) * n as f64 * a.powf(n as f64 - 1.0),
                };
                for t in 0..n_steps {
                    for cell in 0..37 {
                        let expected: f64 =
                            (0..=t).map(|n| kernel(n) * granule[(trial * n_steps + t - n) * 37 + cell]).sum();
                        let found = features[(trial * n_steps + t) * 74 + b * 37 + cell];
                        assert!((found - expected).abs() < 1e-13);
                    }
                }
            }
        }
        // Step by step, trials side by side.
        let buffers = Buffers::default();
        let mut state = filtered.rest(3).unwrap();
        for t in 0..n_steps {
            let now: Vec<f64> =
                (0..3).flat_map(|trial| mossy[(trial * n_steps + t) * 20..][..20].to_vec()).collect();
            let (mut g, mut row) = (vec![0.0; 3 * 37], vec![0.0; 3 * 74]);
            filtered.step(&now, &mut state, &mut g, &mut row, &buffers, &threads()).unwrap();
            for trial in 0..3 {
                assert_eq!(row[trial * 74..][..74], features[(trial * n_steps + t) * 74..][..74]);
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let good = layer::<f64>(6, 10, 2, None, Activation::Relu).parts;
    let refused = |parts: Parts<f64>| GranuleLayer::new(parts).unwrap_err().to_string();
    let short = refused(Parts { weights: vec![1.0; 19], ..good.clone() });
    assert!(short.starts_with("weights has shape [19]"), "{short}");
    let uneven = refused(Parts { sources: good.sources[..19].to_vec(), ..good.clone() });
    assert!(uneven.starts_with("sources has shape [19]"), "{uneven}");
    let twice = refused(Parts { sources: vec![1; 20], ..good.clone() });
    assert!(twice.contains("1 twice for cell 0"), "{twice}");
    let beyond = refused(Parts { sources: (0..20).collect(), ..good.clone() });
    assert!(beyond.contains("expected 0 to 5"), "{beyond}");
    let odd = refused(Parts { thresholds: vec![f64::NAN; 10], ..good.clone() });
    assert!(odd.starts_with("thresholds is NaN"), "{odd}");
    let layer = GranuleLayer::new(good).unwrap();
    assert!(layer.forward(&[0.0; 7], &mut [0.0; 10], &threads()).is_err());
    assert!(layer.forward(&[0.0; 6], &mut [0.0; 11], &threads()).is_err());
    assert!(layer.calibrate(&[0.0; 6], 0.1, Scope::Cell, &threads(), &Stop::default()).is_err());
    assert!(layer.calibrate(&[f64::NAN; 600], 0.1, Scope::Cell, &threads(), &Stop::default()).is_err());
    assert!(layer.calibrate(&[0.0; 600], 1.0, Scope::Cell, &threads(), &Stop::default()).is_err());
    assert!(random(3, 4, 4, 0, &threads()).is_err());
    assert!(TemporalBasis::new(Shape::Alpha, &[0.0]).is_err());
}

#[test]
fn sizes_beyond_memory_are_refused() {
    for n_granule in [1 << 44, usize::MAX] {
        let error = random(100, n_granule, 4, 0, &threads()).unwrap_err();
        assert!(matches!(error, Error::Memory { .. }), "{error}");
    }
    let basis = Some(TemporalBasis::new(Shape::Alpha, &[2.0]).unwrap());
    let layer = GranuleLayer::new(Parts { basis, ..layer::<f64>(6, 10, 2, None, Activation::Relu).parts });
    assert!(layer.unwrap().rest(usize::MAX / 2).is_err());
}

#[test]
fn a_stop_ends_everything_that_takes_long() {
    let stop = Stop::default();
    stop.ask();
    let mossy = normals(40 * 20, 12);
    for golgi in all_golgi() {
        for threads in [threads(), Threads::one()] {
            let plain = layer::<f64>(20, 30, 4, golgi, Activation::Relu);
            let basis = Some(TemporalBasis::new(Shape::Alpha, &[2.0]).unwrap());
            let filtered = GranuleLayer::new(Parts { basis, ..plain.parts.clone() }).unwrap();
            let stopped = |error: Error| matches!(error, Error::Interrupted);
            for layer in [&plain, &filtered] {
                let mut out = vec![0.0; 40 * 30];
                assert!(stopped(layer.features(&mossy, 20, &mut out, &threads, &stop).unwrap_err()));
            }
            assert!(stopped(plain.inhibition(&mossy, &threads, &stop).unwrap_err()));
            for scope in [Scope::Cell, Scope::Layer] {
                assert!(stopped(plain.calibrate(&mossy, 0.2, scope, &threads, &stop).unwrap_err()));
            }
        }
    }
}

#[test]
fn buffers_keep_nothing_of_the_samples_before() {
    let layer = layer::<f64>(20, 70, 4, None, Activation::Relu);
    let (mossy, buffers) = (normals(21 * 20, 13), Buffers::default());
    let (mut fresh, mut again) = (vec![0.0; 21 * 70], vec![0.0; 21 * 70]);
    layer.forward(&mossy, &mut fresh, &threads()).unwrap();
    layer.forward_with(&[f64::INFINITY; 400], &mut [0.0; 1400], &buffers, &threads()).unwrap();
    layer.forward_with(&mossy, &mut again, &buffers, &threads()).unwrap();
    assert_eq!(fresh, again);
}
