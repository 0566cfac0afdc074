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
permutation_test
    Whether components follow a label of the trials.
influence
    Leverage and residual of every trial, neuron and time step.
"""

from __future__ import annotations

from fastigial.analysis.core_consistency import core_array, core_consistency
from fastigial.analysis.degeneracy import Degeneracy, degeneracy
from fastigial.analysis.influence import Influence, influence
from fastigial.analysis.permutation import PermutationTest, permutation_test
from fastigial.analysis.similarity import align, distinct_solutions, similarity
from fastigial.analysis.variance import ComponentVariance, component_variance

__all__ = [
    "ComponentVariance",
    "Degeneracy",
    "Influence",
    "PermutationTest",
    "align",
    "component_variance",
    "core_array",
    "core_consistency",
    "degeneracy",
    "distinct_solutions",
    "influence",
    "permutation_test",
    "similarity",
]
