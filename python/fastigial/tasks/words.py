"""What tasks that ask for a sentence share: words in, words out, and how well they were foretold.

With the features f of what is to be described, and the words w_1 … w_n of its caption,

    x_0 = [f, e(<start>)],   x_t = [0, e(w_t)]   for 1 ≤ t ≤ n,   0 afterwards
    class at t = w_(t+1) for t < n,   <end> at t = n,   none afterwards

e(w) is 1 at the place of w and 0 elsewhere: the input weights W_in are a linear map of the features beside one vector
per word, its embedding. The word before is that of the caption, not what the network said (teacher forcing). So
captions are taught by Vinyals, Toshev, Bengio & Erhan (CVPR 2015). In bits per word, with <end> as one of the words:

    −1/(n + 1) Σ_t log2 softmax(y_t)_class
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.datasets.vocabulary import Vocabulary
from fastigial.tasks.base import Task
from fastigial.tasks.trials import Trials

if TYPE_CHECKING:
    from fastigial.rnn import RNN

__all__ = ["WordTask"]


class WordTask(Task):
    """Base of the tasks in which a network says what it was shown, word by word."""

    loss = "cross_entropy"

    @property
    @abstractmethod
    def vocabulary(self) -> Vocabulary:
        """Words and their numbers."""

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """One name per feature of what is to be described."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """The features, then the words."""
        return (*self.feature_names, *self.output_names)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The words."""
        return tuple(self.vocabulary.words)

    def _say(
        self, features: NDArray[np.floating[Any]], captions: list[tuple[str, ...]], info: dict[str, NDArray[Any]]
    ) -> Trials:
        """Build trials from features (n_trials, n_features) and one caption each; ``info["label"]`` holds the words."""
        n_trials, n_features = features.shape
        labels = np.full((n_trials, self.n_steps), -1)
        for row, caption in zip(labels, captions, strict=True):
            row[: len(caption)] = self.vocabulary.encode(caption)
            row[len(caption)] = self.vocabulary.END
        before = np.concatenate([np.full((n_trials, 1), self.vocabulary.START), labels[:, :-1]], axis=1)
        # No caption goes on after its end.
        before[before == self.vocabulary.END] = -1
        # With thousands of words the arrays are large: they are made once, in the type asked for.
        targets = np.zeros((n_trials, self.n_steps, len(self.vocabulary)), dtype=self.dtype)
        inputs = np.zeros((n_trials, self.n_steps, n_features + len(self.vocabulary)), dtype=self.dtype)
        inputs[:, 0, :n_features] = features
        for words, hot in ((labels, targets), (before, inputs[:, :, n_features:])):
            trial, step = np.nonzero(words >= 0)
            hot[trial, step, words[trial, step]] = 1.0
        texts = np.array([" ".join(caption) for caption in captions])
        n_words = np.array([len(caption) for caption in captions])
        return self.trials(
            inputs,
            targets,
            mask=labels >= 0,
            info={"caption": texts, "n_words": n_words, **info, "label": labels},
        )

    def bits_per_word(self, outputs: ArrayLike, trials: Trials) -> NDArray[np.float64]:
        """Return what each word of a caption would cost in bits, on the average, for one who knows the outputs.

        For many captions together, weigh them by their words: ``np.average(bits, weights=trials.info["n_words"] + 1)``.

        Parameters
        ----------
        outputs : array_like, shape (n_trials, n_steps, n_words)
            Logits.
        trials : Trials
            Of this task.

        Returns
        -------
        ndarray, shape (n_trials,)
            The end of a caption counts as a word.

        Raises
        ------
        ValueError
            If the shape is not that of the targets.

        Examples
        --------
        >>> import numpy as np
        >>> import fastigial as fg
        >>> task = fg.tasks.SceneCaptions()
        >>> trials = task.sample(10, seed=0)
        >>> bool(np.allclose(task.bits_per_word(np.zeros(trials.targets.shape), trials), np.log2(len(task.vocabulary))))
        True
        """
        y = self._outputs(outputs, trials)
        labels = trials.info["label"]
        top = y.max(axis=2, keepdims=True)
        said = np.take_along_axis(y - top, np.maximum(labels, 0)[:, :, None], axis=2)[:, :, 0]
        bits = (np.log(np.exp(y - top).sum(axis=2)) - said) / np.log(2)
        counted = labels >= 0
        return np.asarray(np.where(counted, bits, 0.0).sum(axis=1) / counted.sum(axis=1))

    def decode(self, outputs: ArrayLike) -> list[str]:
        """Return the words that outputs stand for, the likeliest at each step, up to ``<end>``.

        Of a network that was shown the caption's words these are its guesses of each next word; what it says by itself,
        `describe` tells.

        Parameters
        ----------
        outputs : array_like, shape (n_trials, n_steps, n_words)
            Logits or probabilities.

        Returns
        -------
        list of str

        Raises
        ------
        ValueError
            If the outputs are not those of this vocabulary.

        Examples
        --------
        >>> import fastigial as fg
        >>> task = fg.tasks.SceneCaptions()
        >>> trials = task.sample(10, seed=0)
        >>> task.decode(trials.targets) == trials.info["caption"].tolist()
        True
        """
        y = np.asarray(outputs, dtype=np.float64)
        if y.ndim != 3 or y.shape[2] != len(self.vocabulary):
            raise ValueError(f"outputs must be (n_trials, n_steps, {len(self.vocabulary)}), got {y.shape}")
        return [self.vocabulary.decode(words) for words in y.argmax(axis=2)]

    def describe(self, net: RNN, trials: Trials) -> list[str]:
        """Let a network describe what it sees: at each step it hears the likeliest word of the step before.

        Parameters
        ----------
        net : RNN
            Trained on this task.
        trials : Trials
            Of this task. Their captions are not shown, only the features.

        Returns
        -------
        list of str
            One caption per trial, at most as long as the task's longest.

        Raises
        ------
        ValueError
            If the network has other inputs or outputs than the task.

        Examples
        --------
        >>> import fastigial as fg
        >>> task = fg.tasks.SceneCaptions()
        >>> net = fg.RNN(task.n_inputs, 10, task.n_outputs, cell="lstm")
        >>> len(task.describe(net, task.sample(3, seed=0)))
        3
        """
        if net.n_outputs != len(self.vocabulary):
            raise ValueError(f"net must have {len(self.vocabulary)} outputs, one per word; got {net.n_outputs}")
        stepper = net.stepper(trials.n_trials)
        x = np.array(trials.inputs[:, 0])
        n_features = x.shape[1] - len(self.vocabulary)
        said = np.empty((trials.n_trials, trials.n_steps), dtype=np.intp)
        for step in range(trials.n_steps):
            said[:, step] = stepper.step(x)[0].argmax(axis=1)
            x[:] = 0.0
            x[np.arange(len(x)), n_features + said[:, step]] = 1.0
        return [self.vocabulary.decode(words) for words in said]
