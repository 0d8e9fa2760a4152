"""What a request to the test server asks, and how many tokens that is."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# An unescaped quotation mark never stands inside a string, so this is a key wherever it is found.
_SYSTEM = re.compile(rb'"system":\s*(?=["\[])')
_KNOWN = "\0system"
_LONGEST_SYSTEM, _MOST_SYSTEMS = 2**23, 64


class Invalid(Exception):
    """A request that the API turns down; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """A system prompt. `prefix` identifies the part of it that is marked for caching, for `lifetime`."""

    raw: bytes
    text: str
    canonical: bytes
    listed: bool
    tokens: int
    lifetime: str
    prefix: str
    cached: int

    @classmethod
    def read(cls, raw: bytes, token_bytes: int) -> "System":
        """A system prompt as it stands in a body, with so many bytes to a token."""
        value = json.loads(raw)
        blocks = value if isinstance(value, list) else [{"text": value}]
        if not all(isinstance(block, dict) and isinstance(block.get("text"), str) for block in blocks):
            raise Invalid("system: Input should be a valid string or a list of text blocks")
        texts = [block["text"] for block in blocks]
        marks = [number for number, block in enumerate(blocks, 1) if block.get("cache_control")]
        lifetime = blocks[marks[-1] - 1]["cache_control"].get("ttl", "5m") if marks else ""
        text, prefix = "".join(texts), in_bytes("".join(texts[: marks[-1]] if marks else ()))
        canonical, tokens = in_bytes(_json(text)), len(in_bytes(text)) // token_bytes
        identity = hashlib.sha256(prefix).hexdigest()
        cached = len(prefix) // token_bytes
        return cls(raw, text, canonical, isinstance(value, list), tokens, lifetime, identity, cached)


@dataclass(frozen=True, slots=True)
class Asked:
    """What one request asks. `user` is the text of its messages; `marked` says whether anything is to be cached."""

    model: str
    system: System
    messages: list[dict[str, Any]]
    user: str
    max_tokens: int
    stream: bool
    marked: bool
    token_bytes: int

    @property
    def tokens(self) -> int:
        """All the tokens that go in."""
        return self.system.tokens + len(in_bytes(self.user)) // self.token_bytes

    @property
    def sha256(self) -> str:
        """The sha256 of the canonical JSON of model, system text and messages."""
        start = f'{{"messages":{_json(self.messages)},"model":{_json(self.model)},"system":'
        return hashlib.sha256(b"".join((in_bytes(start), self.system.canonical, b"}"))).hexdigest()

    def usage(self, output: int, *, warm: bool) -> dict[str, Any]:
        """The account of a call; `warm` says whether its prefix was cached before."""
        written, read = (0, self.system.cached) if warm else (self.system.cached, 0)
        hour = self.system.lifetime == "1h"
        return {
            "input_tokens": self.tokens - self.system.cached,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 0 if hour else written,
                "ephemeral_1h_input_tokens": written if hour else 0,
            },
            "output_tokens": output,
        }


class Reader:
    """Reads bodies. System prompts are long and few, so each is parsed once and recognised after that."""

    def __init__(self, token_bytes: int) -> None:
        self._token_bytes = token_bytes
        self._known: list[System] = []

    def read(self, body: bytes) -> dict[str, Any]:
        """A body's JSON, with a number under another key in place of each system prompt."""
        if len(self._known) > _MOST_SYSTEMS:
            self._known.clear()
        pieces, start = [], 0
        while found := _SYSTEM.search(body, start):
            number = self._number(body, found.end())
            pieces += (body[start : found.start()], b'"\\u0000system":%d' % number)
            start = found.end() + len(self._known[number].raw)
        try:
            read = json.loads(b"".join((*pieces, body[start:])))
        except ValueError:
            raise Invalid("The request body is not valid JSON") from None
        if not isinstance(read, dict):
            raise Invalid("Input should be a valid dictionary")
        return read

    def asked(self, params: Mapping[str, Any], *, counting: bool = False) -> Asked:
        """What the parameters of a message ask; raises `Invalid`."""
        model, messages = params.get("model"), params.get("messages")
        max_tokens = 1 if counting else params.get("max_tokens")
        if not isinstance(model, str) or not model:
            raise Invalid("model: Field required")
        if not isinstance(messages, list) or not messages:
            raise Invalid("messages: at least one message is required")
        if type(max_tokens) is not int or max_tokens < 1:
            raise Invalid("max_tokens: Field required, a whole number from 1 up")
        known = params.get(_KNOWN)
        system = self._known[known] if known is not None else self._system(in_bytes(_json(params.get("system") or "")))
        user, marked = _messages(messages)
        marked = marked or bool(system.lifetime) or "cache_control" in params
        return Asked(model, system, messages, user, max_tokens, params.get("stream") is True, marked, self._token_bytes)

    def _system(self, raw: bytes) -> System:
        return System.read(raw, self._token_bytes)

    def _number(self, body: bytes, at: int) -> int:
        for number, system in enumerate(self._known):
            if body.startswith(system.raw, at):
                return number
        text = body[at : at + _LONGEST_SYSTEM].decode("utf-8", "surrogateescape")
        try:
            _, end = json.JSONDecoder().raw_decode(text)
        except ValueError:
            raise Invalid("The request body is not valid JSON") from None
        self._known.append(self._system(text[:end].encode("utf-8", "surrogateescape")))
        return len(self._known) - 1


def _messages(messages: list[Any]) -> tuple[str, bool]:
    """The text of messages, and whether any of their blocks is to be cached."""
    texts, marked = [], False
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if not content or message.get("role") not in ("user", "assistant"):
            raise Invalid("messages: Input should have a role and content")
        for block in [{"text": content}] if isinstance(content, str) else content:
            texts.append(str(block.get("text", "")))
            marked = marked or "cache_control" in block
    return "\n".join(texts), marked


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def in_bytes(text: str) -> bytes:
    """A text as it is counted and hashed."""
    return text.encode("utf-8", "surrogatepass")
