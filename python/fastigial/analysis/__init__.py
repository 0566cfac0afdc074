"""What a fitted decomposition is worth, and what activity does, be it that of a network or of an animal.

Of decompositions: how alike fits are, what each component explains, and what holds it up.

similarity
    How alike two fitted models are.
align
    One model's components in the order and with the signs of another's.
distinct_solutions
    Which of many fits are the same solution.
component_courses
    Which components follow a course over trials, such as a slow or a fast state of learning.
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
co_emergence
    Two populations at each stage of learning: likeness over lags, dimensions, what can be read.
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
condition_averages
    Averages over trials of each condition, with units of many recordings side by side.
compare_matched
    Either of these in two conditions, with equal numbers of trials, many draws, and units drawn anew.
targeted_dimensionality, reaiming_angle
    Where activity follows the direction of the target, and by which angle that turns between conditions.
reshaping
    How averages of conditions move between stages: how far, along which directions, and whether their subspace turns.

Of movements and choices, a network's or an animal's:

path_irregularity, mean_squared_jerk, end_point_error, choice_uncertainty
    Signs of ataxia and dysmetria: how smooth, straight, accurate and sure they are.
initial_angular_error, lateral_deviation
    What a force field or a rotation does to a reach.
learning_timescales
    One exponential or two in the errors of a block of trials.

Of networks:

fixed_points, jacobian_spectrum
    Where a network stays, and its linear dynamics there and elsewhere.
gradient_alignment
    How far a learning rule points along the gradient.
"""

from __future__ import annotations

from fastigial.analysis.bootstrap import Band, Bootstrap, bootstrap
from fastigial.analysis.co_emergence import CoEmergence, co_emergence
from fastigial.analysis.component_courses import ComponentCourses, component_courses
from fastigial.analysis.core_consistency import core_array, core_consistency
from fastigial.analysis.decoding import Decoding, decode
from fastigial.analysis.degeneracy import Degeneracy, degeneracy
from fastigial.analysis.demixed import DemixedComparison, DemixedVariance, demixed_comparison, demixed_variance
from fastigial.analysis.dimensionality import VarianceSpectrum, participation_ratio, variance_spectrum
from fastigial.analysis.fixed_points import FixedPoints, fixed_points
from fastigial.analysis.generalization import Generalization, cross_condition_generalization, task_dimensionality
from fastigial.analysis.gradient_alignment import GradientAlignment, gradient_alignment
from fastigial.analysis.influence import Influence, influence
from fastigial.analysis.matched import MatchedComparison, compare_matched
from fastigial.analysis.movement import (
    choice_uncertainty,
    end_point_error,
    mean_squared_jerk,
    path_irregularity,
)
from fastigial.analysis.permutation import PermutationTest, permutation_test
from fastigial.analysis.pooling import condition_averages
from fastigial.analysis.population_code import (
    coding_space,
    cross_correlation,
    mean_correlation,
    population_correlation,
    population_sparseness,
)
from fastigial.analysis.reaching import initial_angular_error, lateral_deviation
from fastigial.analysis.reaiming import Reaiming, reaiming_angle
from fastigial.analysis.replicability import SplitHalf, split_half
from fastigial.analysis.representations import cka, procrustes
from fastigial.analysis.reshaping import Reshaping, reshaping
from fastigial.analysis.similarity import align, distinct_solutions, similarity
from fastigial.analysis.spectrum import JacobianSpectrum, jacobian_spectrum
from fastigial.analysis.subspaces import (
    AlignmentIndex,
    PrincipalComponents,
    alignment_index,
    principal_angles,
    principal_components,
)
from fastigial.analysis.targeted import TargetedAxes, targeted_dimensionality
from fastigial.analysis.timescales import ExponentialFit, LearningTimescales, learning_timescales
from fastigial.analysis.variance import ComponentVariance, component_variance

__all__ = [
    "AlignmentIndex",
    "Band",
    "Bootstrap",
    "CoEmergence",
    "ComponentCourses",
    "ComponentVariance",
    "Decoding",
    "Degeneracy",
    "DemixedComparison",
    "DemixedVariance",
    "ExponentialFit",
    "FixedPoints",
    "Generalization",
    "GradientAlignment",
    "Influence",
    "JacobianSpectrum",
    "LearningTimescales",
    "MatchedComparison",
    "PermutationTest",
    "PrincipalComponents",
    "Reaiming",
    "Reshaping",
    "SplitHalf",
    "TargetedAxes",
    "VarianceSpectrum",
    "align",
    "alignment_index",
    "bootstrap",
    "choice_uncertainty",
    "cka",
    "co_emergence",
    "coding_space",
    "compare_matched",
    "component_courses",
    "component_variance",
    "condition_averages",
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
    "initial_angular_error",
    "jacobian_spectrum",
    "lateral_deviation",
    "learning_timescales",
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
    "reaiming_angle",
    "reshaping",
    "similarity",
    "split_half",
    "targeted_dimensionality",
    "task_dimensionality",
    "variance_spectrum",
]
