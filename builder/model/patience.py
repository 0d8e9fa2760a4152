"""How often and for how long a service is tried before a run gives up."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Patience:
    """`tries` is the attempts at one call in one run, and at one question about a batch.

    Between them lie `first` seconds growing to `longest`. `silence` is the seconds for which a service may answer
    nothing, or ask to be left alone, before the run stops and says so.
    """

    tries: int = 5
    first: float = 0.5
    longest: float = 30.0
    silence: float = 600.0

    def wait(self, failures: int, random: Random) -> float:
        """Seconds to wait after so many failures in a row, from half to the whole of what doubles each time."""
        return float(min(self.first * 2 ** min(failures - 1, 100), self.longest)) * random.uniform(0.5, 1.0)
