//! The cerebellum: granule layers, Purkinje cells and nuclei, their plasticity, adaptive filters.
//!
//! | file | what |
//! | --- | --- |
//! | [`adaptive_filter`] | o[n] = x[n]ᵀw |
//! | [`granule`] | granule layers |
//! | [`expansion`] | what lies between mossy fibres and Purkinje cells |
//! | [`circuit`] | Purkinje cells, nuclei, climbing fibres of microzones |
//! | [`eligibility`], [`plasticity`] | what a synapse remembers; how it follows the climbing fibre |
//! | [`module`], [`learning`] | all of that together: runs, single steps, lessons |
//! | [`coupled`] | a module in a loop with a recurrent network |
//! | [`delay_line`], `record` | rows on their way; results that blocks of trials write to |

pub mod adaptive_filter;
pub mod circuit;
pub mod coupled;
pub mod delay_line;
pub mod eligibility;
pub mod expansion;
pub mod granule;
pub mod learning;
pub mod module;
pub mod plasticity;
mod record;
