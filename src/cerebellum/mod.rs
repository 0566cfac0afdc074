//! The cerebellum: granule layers, Purkinje cells and nuclei, their plasticity, adaptive filters.

pub mod adaptive_filter;
