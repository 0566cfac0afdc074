"""What a fitted decomposition is worth, and what activity does, be it that of a network or of an animal.

Of decompositions: how alike fits are, what each component explains, and what holds it up.

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

Of activity, a network's trajectory or a recording (`fastigial.analysis.population` says how either is read):

participation_ratio, variance_spectrum
    How many dimensions activity fills.
principal_components, principal_angles, alignment_index
    Subspaces, and how far those of two conditions or epochs coincide.
procrustes, cka
    How alike two systems represent the same trials.
population_correlation, mean_correlation, cross_correlation
    How far units go together, within a population or between two.
coding_space, population_sparseness
    How much a population varies, and how few of it are active.
decode
    What can be read from activity, step by step.
demixed_variance, demixed_comparison
    How much goes with time, stimulus, decision, in one system or two.
task_dimensionality, cross_condition_generalization
    How many dimensions targets fill, and whether what tells some apart tells others apart.

Of movements and choices, a network's or an animal's:

path_irregularity, mean_squared_jerk, end_point_error, choice_uncertainty
    Signs of ataxia and dysmetria: how smooth, straight, accurate and sure they are.

Of networks:

fixed_points, jacobian_spectrum
    Where a network stays, and its linear dynamics there and elsewhere.
gradient_alignment
    How far a learning rule points along the gradient.
"""

from __future__ import annotations

from fastigial.analysis.bootstrap import Band, Bootstrap, bootstrap
from fastigial.analysis.core_consistency import core_array, core_consistency
from fastigial.analysis.decoding import Decoding, decode
from fastigial.analysis.degeneracy import Degeneracy, degeneracy
from fastigial.analysis.demixed import DemixedComparison, DemixedVariance, demixed_comparison, demixed_variance
from fastigial.analysis.dimensionality import VarianceSpectrum, participation_ratio, variance_spectrum
from fastigial.analysis.fixed_points import FixedPoints, fixed_points
from fastigial.analysis.generalization import Generalization, cross_condition_generalization, task_dimensionality
from fastigial.analysis.gradient_alignment import GradientAlignment, gradient_alignment
from fastigial.analysis.influence import Influence, influence
from fastigial.analysis.movement import (
    choice_uncertainty,
    end_point_error,
    mean_squared_jerk,
    path_irregularity,
)
from fastigial.analysis.permutation import PermutationTest, permutation_test
from fastigial.analysis.population_code import (
    coding_space,
    cross_correlation,
    mean_correlation,
    population_correlation,
    population_sparseness,
)
from fastigial.analysis.replicability import SplitHalf, split_half
from fastigial.analysis.representations import cka, procrustes
from fastigial.analysis.similarity import align, distinct_solutions, similarity
from fastigial.analysis.spectrum import JacobianSpectrum, jacobian_spectrum
from fastigial.analysis.subspaces import (
    AlignmentIndex,
    PrincipalComponents,
    alignment_index,
    principal_angles,
    principal_components,
)
from fastigial.analysis.variance import ComponentVariance, component_variance

__all__ = [
    "AlignmentIndex",
    "Band",
    "Bootstrap",
    "ComponentVariance",
    "Decoding",
    "Degeneracy",
    "DemixedComparison",
    "DemixedVariance",
    "FixedPoints",
    "Generalization",
    "GradientAlignment",
    "Influence",
    "JacobianSpectrum",
    "PermutationTest",
    "PrincipalComponents",
    "SplitHalf",
    "VarianceSpectrum",
    "align",
    "alignment_index",
    "bootstrap",
    "choice_uncertainty",
    "cka",
    "coding_space",
    "component_variance",
    "core_array",
    "core_consistency",
    "cross_condition_generalization",
    "cross_correlation",
    "decode",
    "degeneracy",
    "demixed_comparison",
    "demixed_variance",
    "distinct_solutions",
    "end_point_error",
    "fixed_points",
    "gradient_alignment",
    "influence",
    "jacobian_spectrum",
    "mean_correlation",
    "mean_squared_jerk",
    "participation_ratio",
    "path_irregularity",
    "permutation_test",
    "population_correlation",
    "population_sparseness",
    "principal_angles",
    "principal_components",
    "procrustes",
    "similarity",
    "split_half",
    "task_dimensionality",
    "variance_spectrum",
]
