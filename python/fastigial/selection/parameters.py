"""scikit-learn's way with hyper-parameters, for objects that hold an estimator."""

from __future__ import annotations

import inspect
from typing import Any, Self

__all__ = ["Parameters"]


class Parameters:
    """Base of objects whose constructor only stores its arguments, one of them ``estimator``.

    Parameters of the estimator are reached as ``estimator__<name>``, as everywhere in scikit-learn.
    """

    estimator: Any

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Hyper-parameters by name.

        Parameters
        ----------
        deep : bool
            Also those of the estimator, as ``estimator__<name>``.

        Returns
        -------
        dict of str to object
        """
        own = {name: getattr(self, name) for name in self._parameter_names()}
        if not deep or not hasattr(self.estimator, "get_params") or isinstance(self.estimator, type):
            return own
        return {**own, **{f"estimator__{name}": value for name, value in self.estimator.get_params().items()}}

    def set_params(self, **params: Any) -> Self:
        """Set hyper-parameters by name.

        Parameters
        ----------
        **params
            New values; ``estimator__<name>`` sets one of the estimator's.

        Returns
        -------
        object
            This one.

        Raises
        ------
        ValueError
            If a name is not a parameter; then nothing is changed.
        """
        own = {name: value for name, value in params.items() if not name.startswith("estimator__")}
        nested = {name.removeprefix("estimator__"): value for name, value in params.items() if name not in own}
        known = self._parameter_names()
        for name in own:
            if name not in known:
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}")
        if nested:
            own.get("estimator", self.estimator).set_params(**nested)
        for name, value in own.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        shown = {name: repr(value) for name, value in self.get_params(deep=False).items()}
        changed = [f"{name}={text}" for name, text in shown.items() if text != repr(defaults[name].default)]
        return f"{type(self).__name__}({', '.join(changed)})"
