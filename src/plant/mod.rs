//! What is controlled: plants with one command and one output and the delay lines before them; and bodies that move a hand in a
//! plane, with force fields, trajectories and their gradients.
//!
//! A [`Plant`] steps several copies of itself side by side, which share nothing but their equations: a trial is one copy,
//! the response to twenty basis functions is twenty. Arrays are (states, copies), copies contiguous.

pub mod arm;
pub mod body;
pub mod delay;
pub mod field;
pub mod linear;
pub mod muscles;
pub mod pendulum;
pub mod point_mass;
pub mod rows;
pub mod scalar;
pub mod senses;
#[cfg(test)]
mod tests;
pub mod trajectory;

/// Copies of something that is driven by a command and a load and shows one output.
pub trait Plant {
    /// How many copies.
    fn n_copies(&self) -> usize;
    /// Puts all copies to rest.
    fn rest(&mut self);
    /// What each shows before the command of this step has come through.
    fn output(&self, out: &mut [f64]);
    /// How much of a command is seen in its own step; zero where states stand between.
    fn direct(&self) -> f64;
    /// Moves each on by one step under its command and its load.
    fn advance(&mut self, command: &[f64], load: &[f64]);
}
