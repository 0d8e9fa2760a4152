"""Exact quotas drawn one at a time, so that every prefix of a plan is balanced and a plan can grow.

Largest remainder gives exact quotas for one fixed total, but it is not house-monotone: a larger total may take
a place away from an option that had it (the Alabama paradox), and then a plan could not be extended without
throwing paid documents away. A quota method (Balinski & Young 1975; Still 1979) keeps every prefix within one
of its exact share and only ever adds.
"""

from collections.abc import Callable, Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from builder.errors import InputError

_EPSILON = 1e-9
_FURTHEST = 512


class Quota:
    """Weighted options, drawn so that after t draws each option's count is within one of t times its share."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        """Weights need not add up to one.

        Raises:
            InputError: if no weight is positive.
        """
        positive = {name: weight for name, weight in weights.items() if weight > 0}
        if not positive:
            raise InputError(f"no option of {sorted(weights)} has a positive weight")
        self._names = list(positive)
        values = np.array(list(positive.values()), dtype=np.float64)
        self._share = values / values.sum()
        self._count = np.zeros(len(values), dtype=np.int64)
        self._drawn = 0
        self._horizons = np.arange(1, min(_FURTHEST, int(1 / self._share.min()) + 2))

    def counts(self) -> dict[str, int]:
        """How often each option was drawn so far."""
        return dict(zip(self._names, self._count.tolist(), strict=True))

    def draw(self, prefer: Callable[[str], tuple[object, ...]], allowed: Collection[str] | None = None) -> str | None:
        """The next option: among those that may come now without a quota being broken later, the one that sorts
        first under `prefer`.

        `allowed` restricts this draw to some options; where none of them may come now, the one furthest below its
        share is drawn, so a restriction bends the quota only as far as it must. None where nothing is allowed.
        """
        open_ = [i for i, name in enumerate(self._names) if allowed is None or name in allowed]
        if not open_:
            return None
        lag = self._share * (self._drawn + 1) - self._count
        pressing = self._pressing()
        due = [i for i in open_ if lag[i] > _EPSILON and (pressing is None or pressing[i])]
        if not due:
            most = max(lag[i] for i in open_)
            due = [i for i in open_ if lag[i] >= most - _EPSILON]
        chosen = min(due, key=lambda i: prefer(self._names[i]))
        self._count[chosen] += 1
        self._drawn += 1
        return self._names[chosen]

    def _pressing(self) -> NDArray[np.bool_] | None:
        """Where every draw up to some horizon is already needed for lower quotas: the options needed for them."""
        ahead = self._horizons + self._drawn
        needed = np.floor(np.outer(ahead, self._share) + _EPSILON).astype(np.int64) - self._count
        needed = np.maximum(needed, 0)
        tight = np.flatnonzero(needed.sum(axis=1) >= self._horizons)
        return needed[tight[0]] > 0 if len(tight) else None
