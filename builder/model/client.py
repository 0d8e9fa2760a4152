"""The official client, opened so that a key goes only where it is meant to go.

Nothing that happens to stand in the environment redirects it: address, key and headers come from build.yaml and from
the one variable that it names. It follows no redirects, because a client sends its key along.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from builder.errors import InputError
from builder.model.settings import SERVICE, SERVICE_KEY, ModelConfig

if TYPE_CHECKING:
    from ssl import SSLContext

    from anthropic import AsyncAnthropic

Say = Callable[[str], None]
# Each would send requests elsewhere or add credentials to them, were the client left to read it.
_IGNORED = (
    "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_PROFILE",
    "ANTHROPIC_CONFIG_DIR", "ANTHROPIC_IDENTITY_TOKEN", "ANTHROPIC_IDENTITY_TOKEN_FILE",
)  # fmt: skip
_NO_KEY = "none"


def open_client(config: ModelConfig, say: Say) -> "AsyncAnthropic":
    """The client for a config, with its own retries off; `say` is told which environment variables it leaves aside.

    Raises:
        InputError: if the key is missing or cannot be one.
    """
    import httpx2
    from anthropic import AsyncAnthropic

    key = find_key(config)
    for name in _IGNORED:
        if os.environ.get(name):
            say(f"{name} is set and ignored; what counts is `model` in build.yaml")
    proxy = None if config.loopback else _proxy(config.base_url or SERVICE)
    if proxy:
        say(f"{proxy} is set: requests to {config.host} go through that proxy")
    if key != _NO_KEY and not config.loopback and (config.base_url or SERVICE).startswith("http:"):
        say(f"the key in {config.api_key_env} goes to {config.host} unencrypted, because base_url says http")
    limits = httpx2.Limits(max_connections=config.concurrency + 4, max_keepalive_connections=config.concurrency + 4)
    try:
        http = httpx2.AsyncClient(
            verify=_trusted(),
            trust_env=proxy is not None,
            follow_redirects=False,
            limits=limits,
            timeout=httpx2.Timeout(config.timeout, connect=min(10.0, config.timeout), pool=None),
        )
    except (ValueError, ImportError, httpx2.InvalidURL):  # their messages may hold the proxy's password
        raise InputError(f"{proxy} names no proxy that can be used; correct it, or unset it") from None
    with _without(_IGNORED):
        return AsyncAnthropic(api_key=key, base_url=config.base_url or SERVICE, max_retries=0, http_client=http)


def find_key(config: ModelConfig) -> str:
    """The key from the variable that the config names; a custom host gets none that was not named for it.

    Raises:
        InputError: if the variable is not set, or holds what cannot be a key. The key itself is never repeated.
    """
    name = config.api_key_env or (None if config.base_url else SERVICE_KEY)
    if name is None:
        return _NO_KEY
    key = os.environ.get(name, "").strip()
    if not key:
        raise InputError(f"{name} is not set; put the key for {config.host} there, or name another with `api_key_env`")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InputError(f"{name} holds characters that no key has; copy the key again")
    return key


@cache
def _trusted() -> "SSLContext":
    """The certificates that this machine trusts, which SSL_CERT_FILE may name; reading them takes a while."""
    import httpx2

    return httpx2.create_ssl_context()


def _proxy(url: str) -> str | None:
    """The variable whose proxy requests to an address go through, if they go through one."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    proxies = getproxies()
    scheme = next((scheme for scheme in (parts.scheme, "all") if proxies.get(scheme)), None)
    return None if scheme is None or proxy_bypass(parts.hostname or "") else f"{scheme.upper()}_PROXY"


@contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    """Hide variables from the client while it is made."""
    hidden = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)
