"""One round of requests on its way through batches: which of them still wait, and how often each went without."""

from collections import Counter
from collections.abc import Sequence

from builder.errors import ExemplaError
from builder.model.intents import Batch
from builder.model.protocol import Arrived, Reply, Request

# The service takes 100,000 entries and 256 MB; smaller batches end sooner and fit into memory.
MOST_ENTRIES, MOST_BYTES = 10_000, 100_000_000


class Round:
    """One round. `problem` is what the user has to change before it can go on."""

    def __init__(self, requests: Sequence[Request], arrived: Arrived) -> None:
        self.requests = {request.key: request for request in requests}
        self._index = {request.key: index for index, request in enumerate(requests)}
        self._arrived = arrived
        self._done: set[str] = set()
        self._failures: Counter[str] = Counter()
        self.unanswered: list[str] = []
        self.problem: ExemplaError | None = None

    def waiting(self, open_: Sequence[Batch]) -> list[Request]:
        """Requests that have no answer and stand in no open batch."""
        asked = {key for batch in open_ for key in batch.entries}
        return [request for key, request in self.requests.items() if key not in self._done and key not in asked]

    def take(self, key: str, reply: Reply) -> None:
        """An answer is there; one that another round asked for is in the ledger and nothing more."""
        if key in self._index and key not in self._done:
            self._done.add(key)
            self._arrived(self._index[key], reply)

    def failed(self, key: str) -> int:
        """A call went without an answer once more; how often that was by now."""
        self._failures[key] += 1
        return self._failures[key]

    def leave(self, key: str, reason: str) -> None:
        """No answer is to be had in this run."""
        self._done.add(key)
        self.unanswered.append(reason)


def parts(requests: Sequence[Request]) -> list[list[Request]]:
    """Requests in batches below the service's limits."""
    found: list[list[Request]] = [[]]
    size = 0
    for request in requests:
        # A character takes at most six bytes as JSON, and nearly always one; the service says so if it is too much.
        texts = [request.system, *(text for _, text in request.turns)]
        own = 1000 + sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
        if found[-1] and (len(found[-1]) >= MOST_ENTRIES or size + own > MOST_BYTES):
            found.append([])
            size = 0
        found[-1].append(request)
        size += own
    return found
