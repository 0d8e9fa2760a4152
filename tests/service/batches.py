"""The test server's Message Batches: made, processed to their end, listed, cancelled and read."""

import asyncio
import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.service.asked import Asked, Invalid
from tests.service.faults import ERRORS, MISSING, SILENT, UNSUCCESSFUL, Fault, error_body
from tests.service.wire import Call, Problem, Sent, describe, encoded, moment

if TYPE_CHECKING:
    from tests.service.server import Server

_DAY = 86400
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass
class Batch:
    """A batch; `lines` are its results once it has ended."""

    id: str
    entries: list[tuple[str, Asked, Fault]]
    created: float = field(default_factory=time.time)
    cancelled: float | None = None
    ended: float | None = None
    lines: list[bytes] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)

    def shown(self, base: str) -> dict[str, Any]:
        """The batch as the API shows it."""
        state = "ended" if self.ended else "canceling" if self.cancelled else "in_progress"
        kinds = ("succeeded", "errored", "canceled", "expired")
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": state,
            "request_counts": {
                "processing": 0 if self.ended else len(self.entries),
                **{kind: self.counts[kind] for kind in kinds},
            },
            "created_at": moment(self.created),
            "expires_at": moment(self.created + _DAY),
            "ended_at": moment(self.ended),
            "cancel_initiated_at": moment(self.cancelled),
            "archived_at": None,
            "results_url": f"{base}/v1/messages/batches/{self.id}/results" if self.ended else None,
        }


class Batches:
    """The batches of one server; a method for each endpoint."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._made: dict[str, Batch] = {}

    def create(self, call: Call) -> Sent:
        """A new batch, processed after `batch_seconds`."""
        requests = self._server.reader.read(call.body).get("requests")
        if not isinstance(requests, list) or not requests:
            raise Invalid("requests: at least one request is required")
        ids = [str(request.get("custom_id", "")) for request in requests]
        if len(set(ids)) < len(ids) or not all(map(_CUSTOM_ID.fullmatch, ids)):
            raise Invalid("requests: custom_id should be unique and match ^[a-zA-Z0-9_-]{1,64}$")
        batch = Batch(f"msgbatch_{call.entry['n']:024d}", [self._submitted(request) for request in requests])
        call.entry["batch"] = batch.id
        if call.fault.kind not in SILENT:
            self._made[batch.id] = batch
            asyncio.get_running_loop().call_later(self._server.options.batch_seconds, self._finish, batch)
        return self._shown(batch)

    def _submitted(self, request: dict[str, Any]) -> tuple[str, Asked, Fault]:
        asked = self._server.reader.asked(request.get("params") or {})
        if not self._server.knows(asked.model):
            return request["custom_id"], asked, Fault("404")
        self._server.allows(asked)
        return (
            request["custom_id"],
            asked,
            self._server.faults.take("entry", asked.model, asked.system.text, asked.user),
        )

    def _finish(self, batch: Batch) -> None:
        """Process every entry; a batch that was cancelled has all but the first few canceled."""
        if batch.ended:
            return
        for number, (custom_id, asked, fault) in enumerate(batch.entries):
            gone = batch.cancelled is not None and number >= self._server.options.cancel_keeps
            result = self._result(batch, custom_id, asked, Fault("canceled") if gone else fault)
            batch.counts[result["type"]] += 1
            if fault.kind == MISSING:
                continue
            batch.lines.append(encoded({"custom_id": custom_id, "result": result}) + b"\n")
        batch.ended = time.time()

    def _result(self, batch: Batch, custom_id: str, asked: Asked, fault: Fault) -> dict[str, Any]:
        entry = self._server.entry("batch_entry", custom_id=custom_id, batch=batch.id, fault=str(fault))
        describe(entry, asked)
        if fault.kind in ERRORS:
            result = _errored(fault.kind)
        elif fault.kind == "errored":
            kinds = {type_: kind for kind, (_, type_, _) in reversed(ERRORS.items())}
            result = _errored(kinds[fault.value or "api_error"])
        elif fault.kind in UNSUCCESSFUL:
            result = {"type": fault.kind}
        else:
            message = self._server.written(f"msg_{entry['n']:024d}", asked, fault, entry, "batch")
            result = {"type": "succeeded", "message": message}
        self._server.note(entry)
        return result

    def _shown(self, batch: Batch) -> Sent:
        return Sent(encoded(batch.shown(self._server.options.results_base or self._server.url)))

    def _batch(self, call: Call) -> Batch:
        call.entry["batch"] = call.path[3]
        if call.path[3] not in self._made:
            raise Problem("404", f"batch {call.path[3]} not found")
        return self._made[call.path[3]]

    def poll(self, call: Call) -> Sent:
        """A batch as it stands."""
        return self._shown(self._batch(call))

    def list(self, call: Call) -> Sent:
        """The newest first, a page at a time."""
        ids, limit = [*reversed(self._made)], int(call.query.get("limit", 20))
        after, before = call.query.get("after_id"), call.query.get("before_id")
        if (after or before) and (after or before) not in ids:
            raise Invalid("after_id and before_id should name a batch")
        if before:
            rest = ids[: ids.index(before)]
            page = rest[-limit:]
        else:
            rest = ids[ids.index(after) + 1 :] if after else ids
            page = rest[:limit]
        base = self._server.options.results_base or self._server.url
        fields = {"has_more": len(rest) > limit, "first_id": page[0] if page else None}
        data = [self._made[id_].shown(base) for id_ in page]
        return Sent(encoded({"data": data, **fields, "last_id": page[-1] if page else None}))

    def cancel(self, call: Call) -> Sent:
        """A batch that ends early."""
        batch = self._batch(call)
        if not batch.ended and not batch.cancelled:
            batch.cancelled = time.time()
            asyncio.get_running_loop().call_later(self._server.options.cancel_seconds, self._finish, batch)
        return self._shown(batch)

    def results(self, call: Call) -> Sent:
        """The lines of a batch that has ended."""
        batch = self._batch(call)
        if not batch.ended:
            raise Problem("404", f"batch {batch.id} has not ended, so it has no results")
        return Sent(b"".join(self._server.faults.in_order(batch.lines)), kind="application/x-jsonl")


def _errored(kind: str) -> dict[str, Any]:
    return {"type": "errored", "error": json.loads(error_body(kind, None))}
