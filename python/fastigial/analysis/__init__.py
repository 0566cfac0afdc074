"""What a fitted decomposition is worth: how alike fits are, what each component explains, and what holds it up.

Functions
---------
similarity
    How alike two fitted models are.
align
    One model's components in the order and with the signs of another's.
distinct_solutions
    Which of many fits are the same solution.
component_variance
    How much each component explains: alone, beyond the others, one after the other.
core_consistency, core_array
    Whether factors of different components interact, which a TCA denies.
degeneracy
    Whether two components cancel each other.
split_half
    Whether components come out of either half of the trials.
bootstrap
    Bands for factors and weights, from resampled trials.
permutation_test
    Whether components follow a label of the trials.
influence
    Leverage and residual of every trial, neuron and time step.
"""

from __future__ import annotations

from fastigial.analysis.bootstrap import Band, Bootstrap, bootstrap
from fastigial.analysis.core_consistency import core_array, core_consistency
from fastigial.analysis.degeneracy import Degeneracy, degeneracy
from fastigial.analysis.influence import Influence, influence
from fastigial.analysis.permutation import PermutationTest, permutation_test
from fastigial.analysis.replicability import SplitHalf, split_half
from fastigial.analysis.similarity import align, distinct_solutions, similarity
from fastigial.analysis.variance import ComponentVariance, component_variance

__all__ = [
    "Band",
    "Bootstrap",
    "ComponentVariance",
    "Degeneracy",
    "Influence",
    "PermutationTest",
    "SplitHalf",
    "align",
    "bootstrap",
    "component_variance",
    "core_array",
    "core_consistency",
    "degeneracy",
    "distinct_solutions",
    "influence",
    "permutation_test",
    "similarity",
    "split_half",
]
