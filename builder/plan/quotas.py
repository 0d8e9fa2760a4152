"""Exact quotas drawn one at a time, so that every prefix of a plan is balanced and a plan can grow.

Largest remainder gives exact quotas for one fixed total, but it is not house-monotone: a larger total may take
a place away from an option that had it (the Alabama paradox), and then a plan could not be extended without
throwing paid documents away. A quota method (Balinski & Young 1975; Still 1979) keeps every prefix within one
of its exact share and only ever adds. For any single total it differs from largest remainder by at most one
document per option.
"""

from collections.abc import Callable, Collection, Mapping

import numpy as np

from builder.errors import InputError

_EPSILON = 1e-9


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

    def counts(self) -> dict[str, int]:
        """How often each option was drawn so far."""
        return dict(zip(self._names, self._count.tolist(), strict=True))

    def draw(self, prefer: Callable[[str], tuple[object, ...]], allowed: Collection[str] | None = None) -> str | None:
        """The next option: one that is due, and among those the one that sorts first under `prefer`.

        `allowed` restricts this draw to some options; where none of them is due, the one furthest below its share
        is drawn, so a restriction bends the quota only as far as it must. None where nothing is allowed.
        """
        due_by = self._share * (self._drawn + 1)
        open_ = [i for i, name in enumerate(self._names) if allowed is None or name in allowed]
        if not open_:
            return None
        lag = due_by - self._count
        overdue = [i for i in open_ if lag[i] >= 1 - _EPSILON]
        due = overdue or [i for i in open_ if lag[i] > _EPSILON]
        if overdue or not due:
            most = max(lag[i] for i in (overdue or open_))
            due = [i for i in (overdue or open_) if lag[i] >= most - _EPSILON]
        chosen = min(due, key=lambda i: prefer(self._names[i]))
        self._count[chosen] += 1
        self._drawn += 1
        return self._names[chosen]
