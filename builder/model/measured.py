"""What a ledger says of the calls so far: the means that an estimate is made from, read without disturbing a build."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Measured:
    """One stage: answered calls, the briefs that they were for, and means per call.

    `prefix` is in tokens read from or written to a cache, `own` in other tokens of input, `output` in tokens, `seconds`
    from sending to answer for calls that were not batched. `read` is the share of batched prefixes that were read from
    the cache, None where nothing was batched.
    """

    calls: int
    briefs: int
    prefix: float
    own: float
    output: float
    seconds: float | None
    read: float | None


def measure(ledger: Path) -> dict[str, Measured]:
    """Means by stage from a ledger that may be in use; empty where there is none or it holds no remote calls."""
    if not ledger.is_file():
        return {}
    try:
        connection = sqlite3.connect(f"file:{ledger.resolve()}?mode=ro", uri=True)
        try:
            rows = connection.execute(
                "SELECT stage, count(*), count(DISTINCT brief), avg(cache_read + cache_write), avg(input), avg(output),"
                " avg(seconds) FILTER (WHERE batch IS NULL),"
                " 1.0 * sum(cache_read) FILTER (WHERE batch IS NOT NULL)"
                " / nullif(sum(cache_read + cache_write) FILTER (WHERE batch IS NOT NULL), 0)"
                " FROM attempts WHERE state = 'answered' AND reason = 'completed' GROUP BY stage"
            ).fetchall()
        finally:
            connection.close()
    except sqlite3.Error:  # an older or damaged ledger measures nothing; the build itself says what is wrong with it
        return {}
    return {stage: Measured(*means) for stage, *means in rows}
