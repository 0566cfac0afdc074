"""Draw the README's picture: a simulated recording with learning in it, taken apart by TCA.

::

    python docs/images/make_readme_figure.py
"""

from __future__ import annotations

from pathlib import Path

import fastigial as fg


def main() -> None:
    """Fit and draw what the README shows, and save it beside this script."""
    recording = fg.datasets.make_learning_recording(seed=0)
    rates = fg.preprocess.normalize(fg.preprocess.smooth(recording), "sd")
    model = fg.TCA(3, nonnegative=True, n_init=10, random_state=0).fit(rates)
    figure = fg.plot.tca(model, condition="condition")
    figure.savefig(Path(__file__).with_name("learning.png"), dpi=120)


if __name__ == "__main__":
    main()
