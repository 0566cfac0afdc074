"""Tests and doctests of one package, imported once.

A file that pytest collects before anything has imported the package would be loaded a second time, beside the package's
own copy, and would take the place of a function of its name in its room: `fg.plot.similarity` would be the module.
"""

import fastigial  # noqa: F401
