//! Who may use whom: every `use` and every path in `src` is held against the table of rooms.
//!
//! A room is a folder or a single file directly below `src`. Comments, strings and `#[cfg(test)]` modules are left out;
//! grouped imports are taken apart; `self::` and `super::` are resolved from the file's place. (Within a module written
//! inside a file `super::` is read as if it stood outside, which can only make the check stricter.)

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

mod source;

use source::{code_only, paths, without_tests};

/// A room, the rooms it may use besides itself, and the crates it may use.
type Rule = (&'static str, &'static [&'static str], &'static [&'static str]);

const RULES: [Rule; 14] = [
    ("error", &["monitor"], &["thiserror"]),
    ("real", &[], &["ndarray"]),
    ("monitor", &[], &[]),
    ("files", &["error"], &["safetensors"]),
    ("numerics", &["error", "real", "monitor"], &["ndarray"]),
    ("linalg", &["error", "real", "monitor", "numerics"], &["ndarray", "faer"]),
    ("tensor", &["error", "real", "monitor", "numerics", "linalg"], &["ndarray"]),
    ("network", &["error", "real", "monitor", "numerics", "linalg"], &["ndarray"]),
    ("plant", &["error", "real", "monitor", "numerics", "linalg"], &["ndarray"]),
    ("rnn", &["error", "real", "monitor", "numerics", "linalg", "network"], &["ndarray"]),
    ("cerebellum", &["error", "real", "monitor", "numerics", "linalg", "network", "rnn"], &["ndarray"]),
    (
        "models",
        &["error", "real", "monitor", "numerics", "linalg", "network", "rnn", "cerebellum", "plant"],
        &["ndarray"],
    ),
    (
        "bindings",
        &[
            "error",
            "real",
            "monitor",
            "files",
            "numerics",
            "linalg",
            "tensor",
            "network",
            "plant",
            "rnn",
            "cerebellum",
            "models",
        ],
        &["ndarray", "pyo3", "numpy"],
    ),
    ("lib", &[], &[]),
];

/// Single files that may use crates which the rest of their room may not.
const ALONE: [(&str, &[&str]); 2] =
    [("numerics/parallel.rs", &["rayon"]), ("numerics/rng.rs", &["rand", "rand_distr"])];

/// Modules that a room may not use although it may use their room.
const NEVER: [(&str, &[&str]); 1] = [("linalg", &["numerics", "rng"])];

/// Parts of the standard library that only some rooms may touch: the numerical ones open no files.
const FILE_ROOMS: [&str; 2] = ["files", "bindings"];

/// What is wrong with one source file, given its path below `src` with forward slashes.
fn violations(path: &str, source: &str, crates: &BTreeSet<String>) -> Vec<String> {
    let place: Vec<&str> = path.trim_end_matches(".rs").split('/').filter(|part| *part != "mod").collect();
    let room = place[0];
    let Some((_, rooms, allowed)) = RULES.iter().find(|(name, ..)| *name == room) else {
        return vec![format!("{path}: room {room:?} has no rule; add it to the table")];
    };
    let alone = ALONE.iter().find(|(file, _)| *file == path).map_or(&[][..], |(_, crates)| crates);
    let mut found = Vec::new();
    for used in paths(&without_tests(&code_only(source))) {
        let mut segments: Vec<&str> = used.split("::").collect();
        let joined = used.as_str();
        match segments[0] {
            "crate" => {
                segments.remove(0);
            }
            "self" | "super" => segments = resolved(&place, &segments),
            "std" => {
                if segments.get(1) == Some(&"fs") && !FILE_ROOMS.contains(&room) {
                    found.push(format!("{path}: {joined} opens files"));
                }
                continue;
            }
            name if crates.contains(name) => {
                if !allowed.contains(&name) && !alone.contains(&name) {
                    found.push(format!("{path}: {joined} is not for {room}"));
                }
                continue;
            }
            _ => continue,
        }
        // `crate::{…}` alone, or a path that ends at the root of the crate.
        let Some(&target) = segments.first() else { continue };
        let is_room = RULES.iter().any(|(name, ..)| *name == target);
        if room != target && is_room && !rooms.contains(&target) {
            found.push(format!("{path}: {joined} leads from {room} to {target}"));
        }
        if room != "lib" && !is_room {
            found.push(format!("{path}: {joined} leads to {target:?}, which is no room"));
        }
        if NEVER.iter().any(|(name, module)| *name == room && segments.starts_with(module)) {
            found.push(format!("{path}: {joined} is not for {room}"));
        }
    }
    found
}

/// `self::a` and `super::a` as seen from a module, from the root of the crate.
fn resolved<'a>(place: &[&'a str], segments: &[&'a str]) -> Vec<&'a str> {
    let ups = segments.iter().filter(|segment| **segment == "super").count();
    let kept = place.len().saturating_sub(ups);
    let rest = segments.iter().filter(|segment| !["self", "super"].contains(segment));
    place[..kept].iter().chain(rest).copied().collect()
}

/// The crates that Cargo.toml names, with underscores.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim() == "[dependencies]";
        } else if inside && let Some((name, _)) = line.split_once('=') {
            names.insert(name.split('.').next().unwrap_or_default().trim().replace('-', "_"));
        }
    }
    names
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src can be read") {
        let path = entry.expect("src can be read").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn every_room_keeps_to_its_neighbours() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = dependencies(&fs::read_to_string(root.join("Cargo.toml")).expect("there is a manifest"));
    for named in ["faer", "rayon", "pyo3", "numpy", "rand", "rand_distr", "safetensors"] {
        assert!(crates.contains(named), "{named} has left Cargo.toml: mend the rules");
    }
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    assert!(files.len() > 10);
    let mut found = Vec::new();
    for file in files {
        let below = file.strip_prefix(root.join("src")).expect("below src");
        let path =
            below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
        found.extend(violations(&path, &fs::read_to_string(&file).expect("sources are text"), &crates));
    }
    assert!(found.is_empty(), "forbidden imports:\n{}", found.join("\n"));
}

fn known_crates() -> BTreeSet<String> {
    ["faer", "rayon", "pyo3", "numpy", "rand", "rand_distr", "safetensors", "ndarray", "thiserror"]
        .map(str::to_owned)
        .into()
}

#[test]
fn forbidden_imports_are_found() {
    let cases = [
        ("tensor/cp/mod.rs", "use crate::rnn::Cell;"),
        ("tensor/cp/mod.rs", "use crate::{error::Error, network::{dense, loss::Mse}};"),
        ("tensor/cp/mod.rs", "fn f() { crate::bindings::call() }"),
        ("tensor/cp/sweep.rs", "use super::super::super::rnn::Cell;"),
        ("tensor/dense.rs", "pub(crate) use super::super::plant as garden;"),
        ("tensor/dense.rs", "use rayon::prelude::*;"),
        ("tensor/dense.rs", "let x = faer :: Mat::new();"),
        ("tensor/dense.rs", "use {std::fmt, faer as linear};"),
        ("tensor/dense.rs", "#[cfg(test)]\nmod tests { use super::*; }\nuse pyo3::prelude::*;"),
        ("tensor/dense.rs", "let c = '\"'; use numpy::PyArray; let d = '\"';"),
        ("tensor/dense.rs", "let c = '\\''; use numpy::PyArray; let d = '\\'';"),
        ("tensor/dense.rs", "extern crate rand;"),
        ("tensor/dense.rs", "std::fs::read(path)"),
        ("tensor/dense.rs", "use crate::Nowhere;"),
        ("numerics/rng.rs", "use rayon::prelude::*;"),
        ("numerics/parallel.rs", "use rand::Rng;"),
        ("numerics/activation.rs", "use crate::linalg::product;"),
        ("linalg/solve.rs", "use crate::numerics::rng;"),
        ("linalg/solve.rs", "use crate::numerics::{parallel::Threads, rng::normal};"),
        ("files.rs", "use ndarray::Array2;"),
        ("monitor.rs", "use crate::real::Real;"),
        ("network/dense.rs", "use crate::tensor::mttkrp;"),
        ("plant/arm.rs", "use crate::rnn::Cell;"),
        ("rnn/cell.rs", "use crate::cerebellum::Granule;"),
        ("cerebellum/granule.rs", "use crate::tensor::cp;"),
        ("models/cfpc.rs", "use crate::tensor::cp;"),
        ("kitchen/sink.rs", ""),
    ];
    for (path, source) in cases {
        assert!(!violations(path, source, &known_crates()).is_empty(), "{path}: {source} was let through");
    }
}

#[test]
fn allowed_imports_and_mere_words_are_not() {
    let cases = [
        ("tensor/cp/mod.rs", "use std::ops::Range;\nuse crate::{error::Result, linalg::{product, Ridge}};"),
        ("tensor/cp/sweep.rs", "use super::super::dense::Dense; use self::inner::Thing;"),
        (
            "tensor/dense.rs",
            "//! uses crate::rnn\n/* use rayon::x; /* nested */ use pyo3::y; */ let s = \"faer::Mat\";",
        ),
        ("tensor/dense.rs", "let s = r#\"use \"numpy::x\"#; fn f<'a>(x: &'a str) -> &'a str { x }"),
        (
            "tensor/dense.rs",
            "#[cfg(test)]\nmod tests { use super::*; use rand::Rng; fn f() { {} } }\nuse ndarray::s;",
        ),
        ("tensor/dense.rs", "let unused = reuse::thing; let numpy = 3;"),
        ("numerics/rng.rs", "use rand::SeedableRng; use rand_distr::Distribution;"),
        ("numerics/parallel.rs", "use rayon::prelude::*; use crate::error::Error;"),
        (
            "bindings/call.rs",
            "use pyo3::prelude::*; use crate::files; numpy::Element::X; use crate::models::cfpc;",
        ),
        ("error.rs", "#[derive(thiserror::Error)] enum Error {}"),
        ("files.rs", "use std::fs; use safetensors::SafeTensors;"),
        ("models/cfpc.rs", "use crate::plant::arm; use crate::cerebellum::granule;"),
        ("lib.rs", "pub mod tensor;"),
    ];
    for (path, source) in cases {
        let found = violations(path, source, &known_crates());
        assert!(found.is_empty(), "{source}: {found:?}");
    }
}
