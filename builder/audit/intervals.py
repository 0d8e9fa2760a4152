"""Exact binomial intervals."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """A share with its two-sided 95 % interval."""

    share: float
    low: float
    high: float


def clopper_pearson(hits: int, of: int, level: float = 0.95) -> Interval:
    """The exact interval of a share (Clopper & Pearson 1934). With no hits in n its upper end is about 3.7 / n
    (two-sided; the one-sided rule of three gives 3 / n). With nothing observed it is everything, [0, 1].
    """
    from scipy.stats import beta

    if of == 0:
        return Interval(0.0, 0.0, 1.0)
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, of - hits + 1))
    high = 1.0 if hits == of else float(beta.ppf(1 - tail, hits + 1, of - hits))
    return Interval(hits / of, low, high)
