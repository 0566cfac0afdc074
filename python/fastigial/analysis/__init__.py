"""What a fitted decomposition is worth: how alike fits are, what each component explains, and what holds it up.

Functions
---------
similarity
    How alike two fitted models are.
align
    One model's components in the order and with the signs of another's.
distinct_solutions
    Which of many fits are the same solution.
"""

from __future__ import annotations

from fastigial.analysis.similarity import align, distinct_solutions, similarity

__all__ = ["align", "distinct_solutions", "similarity"]
