"""Hyper-parameters by name, as scikit-learn asks of estimators."""

from __future__ import annotations

import inspect
from typing import Any, Self

__all__ = ["Parameterized"]


class Parameterized:
    """Base of all estimators. Constructors only store their arguments; learned values end in an underscore."""

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Hyper-parameters by name (`deep` is accepted for scikit-learn; there is nothing nested)."""
        del deep
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **params: Any) -> Self:
        """Set hyper-parameters by name.

        Raises
        ------
        ValueError
            If a name is not one of the estimator's parameters.
        """
        known = self._parameter_names()
        for name in params:
            if name not in known:
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        # Each value is asked once: a model may hold the model it started from, and that one another.
        shown = {name: repr(value) for name, value in self.get_params().items()}
        changed = [f"{name}={text}" for name, text in shown.items() if text != repr(defaults[name].default)]
        return f"{type(self).__name__}({', '.join(changed)})"
