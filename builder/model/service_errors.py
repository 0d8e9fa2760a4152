"""What a service's error means for a call: wait, try again, take it as a refusal, or ask the user for a change."""

from typing import TYPE_CHECKING, NoReturn

from builder.errors import InputError, first_line
from builder.model.protocol import Busy, Fault, Request, Withheld
from builder.model.settings import SERVICE_KEY, ModelConfig

if TYPE_CHECKING:
    from anthropic import APIConnectionError, APIStatusError

_OVERLOADED = 529  # by everybody's requests together
_BUSY = (429, 503, _OVERLOADED)  # nothing was processed
_PERMANENT = {
    "invalid_request_error": 400, "authentication_error": 401, "billing_error": 402, "permission_error": 403,
    "not_found_error": 404, "request_too_large": 413,
}  # fmt: skip
_FILTERED = "content filtering policy"


class Unsupported(Exception):
    """The server does not know a request of this form; `reason` is what it said."""


def by_status(error: "APIStatusError", request: Request, config: ModelConfig) -> NoReturn:
    """Raise what an error answer means for a call.

    Raises:
        Busy, Fault, Withheld, Unsupported, InputError: as the case may be.
    """
    status, said = error.status_code, first_line_of(error)
    if status in _BUSY:
        raise Busy(f"{status} {said}", _wait(error), limit=status != _OVERLOADED) from None
    if status < 300:  # an error in the midst of a stream, whose first part was processed
        raise Fault(f"the stream ended with an error: {said}", charged=True) from None
    if status < 400:
        place = error.response.headers.get("location", "elsewhere")[:200].split("/v1/")[0]
        raise InputError(
            f"{config.host} redirects to {place}; if the key may go there, give that address as `base_url`"
        ) from None
    if status >= 500 or status in (408, 409):
        raise Fault(f"{status} {said}", charged=status >= 500) from None
    if filtered(said):
        raise Withheld(said) from None
    if status in (400, 422):
        raise Unsupported(said) from None
    raise InputError(_sentence(status, said, request, config)) from None


def by_connection(error: "APIConnectionError") -> NoReturn:
    """Raise what a broken connection means: what was never sent costs nothing, what was may have been processed.

    Raises:
        Fault: always.
    """
    import httpx2

    cause = error.__cause__
    unsent = isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
    slow = isinstance(cause, httpx2.TimeoutException)
    reason = "no connection" if unsent else "no answer in time" if slow else "the connection broke"
    raise Fault(reason, charged=not unsent) from None


def filtered(said: str) -> bool:
    """Whether the service says that it kept an answer back."""
    return _FILTERED in said.lower()


def refused_request(said: str, request: Request, config: ModelConfig) -> InputError:
    """The error for a request that the service will not take, however often it is sent."""
    return InputError(_sentence(400, said, request, config))


def turned_away(kind: str, said: str, request: Request, config: ModelConfig) -> InputError | None:
    """The error for a type of error that no further attempt mends; None for the others."""
    status = _PERMANENT.get(kind)
    return InputError(_sentence(status, _one_line(said), request, config)) if status else None


def first_line_of(error: "APIStatusError") -> str:
    """What the service said, in one line."""
    said = error.api_message if isinstance(error.api_message, str) and error.api_message else first_line(error)
    return _one_line(said)


def _one_line(said: str) -> str:
    return " ".join(said.split())[:300].rstrip(". ") or "without a reason"


def _wait(error: "APIStatusError") -> float | None:
    """The seconds for which the service asks to be left alone; a date or nonsense counts as none."""
    try:
        wait = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(wait, 3600.0) if wait >= 0 else None


def _sentence(status: int, said: str, request: Request, config: ModelConfig) -> str:
    host = config.host
    if status == 401:
        name = config.api_key_env or (None if config.base_url else SERVICE_KEY)
        mend = f"check {name}" if name else "name the variable that holds its key with `api_key_env`"
        return f"{host} does not accept the key ({said}); {mend}, finished work is kept"
    if status == 402 or "credit balance" in said.lower():
        return f"{host} wants to be paid first ({said}); finished work is kept, run the same command again after that"
    if status == 403:
        return f"{host} forbids this ({said}); check what the key and the model {request.model!r} are allowed"
    if status == 404:
        return f"{host} does not know the model {request.model!r} ({said}); check `model` in build.yaml"
    return (
        f"{host} refuses the {request.stage} request of brief {request.brief} ({status} {said}); "
        "shorten its prompt or choose another model, finished work is kept"
    )
