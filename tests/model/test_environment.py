"""Where requests and the key go: where build.yaml says, whatever stands in the environment, and nowhere else."""

import json
import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from builder.errors import ExemplaError, InputError
from builder.model import ModelConfig, Spend, prove_backend
from builder.model.client import find_key
from tests.model.room import MODEL, ask, many, messages, room, scripted, texts
from tests.service.server import serve

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

CHECKOUT = Path(__file__).parents[2]
KEY = "sk-test-4f9c2a7d81e6b3"
STAGES = dict.fromkeys(("idea", "draft", "rewrite", "review"), MODEL)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("ANTHROPIC_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ANTHROPIC_BASE_URL", "{stranger}"),
        ("ANTHROPIC_AUTH_TOKEN", "another-token-of-mine"),
        ("ANTHROPIC_CUSTOM_HEADERS", "x-api-key: another-token-of-mine"),
        ("ANTHROPIC_PROFILE", "work"),
        ("ANTHROPIC_CONFIG_DIR", "/nowhere"),
        ("ANTHROPIC_IDENTITY_TOKEN", "another-token-of-mine"),
    ],
)
def test_the_client_reads_nothing_from_the_environment(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with serve() as stranger, serve(key=KEY) as server:
        monkeypatch.setenv(name, value.format(stranger=stranger.url))
        done = ask(server, tmp_path, many(3), api_key_env="MY_KEY")
        assert [reply.text for reply in done.replies] == texts(many(3))
        assert stranger.log == [] and {entry["key_end"] for entry in server.log} == {KEY[-4:]}
    assert done.said == [f"{name} is set and ignored; what counts is `model` in build.yaml"]
    assert os.environ[name], "it is only hidden from the client"


def test_a_host_of_ones_own_gets_no_key_that_was_not_named_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    with serve() as server:
        assert len(ask(server, tmp_path, many(2)).replies) == 2
        assert {entry["key_end"] for entry in server.log} == {"none"}
        monkeypatch.setenv("MY_KEY", "another-key-9876")
        assert len(ask(server, tmp_path, many(3), api_key_env="MY_KEY").replies) == 3
        assert server.log[-1]["key_end"] == "9876"


def test_the_service_itself_gets_the_usual_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert find_key(ModelConfig(backend="anthropic", stages=STAGES)) == KEY
    with room("", tmp_path) as opened:
        assert opened.said == ["HTTPS_PROXY is set: requests to api.anthropic.com go through that proxy"]


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_is_used_for_hosts_elsewhere_and_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with serve() as proxy:
        monkeypatch.setenv(name, proxy.url.replace("http://", "http://me:my-password@"))
        done = ask("http://models.example.test", tmp_path, many(2), api_key_env="MY_KEY")
        assert [reply.text for reply in done.replies] == texts(many(2))
    assert done.said == [
        f"{name.upper()} is set: requests to models.example.test go through that proxy",
        "the key in MY_KEY goes to models.example.test unencrypted, because base_url says http",
    ]


def test_no_proxy_is_used_for_this_machine_nor_for_another_scheme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve() as proxy, serve() as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        done = ask(server, tmp_path, many(2))
        assert len(done.replies) == 2 and done.said == [] and proxy.log == []
        monkeypatch.delenv("HTTPS_PROXY")
        monkeypatch.delenv("ALL_PROXY")
        with room("https://models.example.test", tmp_path) as opened:
            assert opened.said == []
        monkeypatch.setenv("NO_PROXY", "models.example.test")
        with room("http://models.example.test", tmp_path) as opened:
            assert opened.said == []


@pytest.mark.parametrize("proxy", ["gopher://me:my-password@localhost:1", "http://[me:my-password", "http://h:port"])
def test_a_proxy_that_cannot_be_one_is_named_without_its_password(
    proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with (
        pytest.raises(InputError, match="HTTP_PROXY names no proxy that can be used") as error,
        room("http://models.example.test", tmp_path),
    ):
        pass
    assert "my-password" not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize("backend", ["anthropic", "anthropic-batches"])
def test_a_redirect_is_not_followed(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with serve() as elsewhere, serve(redirect=elsewhere.url) as server:
        done = ask(server, tmp_path, many(3), backend=backend, api_key_env="MY_KEY")
        assert isinstance(done.error, InputError)
        assert f"redirects to {elsewhere.url};" in str(done.error) and "base_url" in str(done.error)
        assert elsewhere.log == []
    assert done.totals.taken == 0


def test_results_are_read_from_the_host_that_the_key_is_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with serve() as stranger, serve(results_base=stranger.url, key=KEY) as server:
        done = ask(server, tmp_path, many(3), backend="anthropic-batches", api_key_env="MY_KEY")
        assert [reply.text for reply in done.replies] == texts(many(3))
        assert stranger.log == []


@pytest.mark.parametrize(
    "key",
    [
        "sk-one\nsk-two-secret",
        "sk-schlüssel-secret",
        "sk with-secret",
        "sk-\x07secret",
        "sk-\udce9secret",
        "sk-\u200bsecret",
    ],
)
def test_what_cannot_be_a_key_is_refused_and_not_repeated(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", key)
    config = ModelConfig(backend="anthropic", base_url="http://127.0.0.1:1", api_key_env="MY_KEY", stages=STAGES)
    with pytest.raises(InputError, match="MY_KEY holds characters that no key has") as error:
        prove_backend(config, Spend(dollars=1), [MODEL], tmp_path)
    assert "secret" not in "".join(traceback.format_exception(error.value))


def test_white_space_around_a_key_is_no_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", f" {KEY}\r\n")
    with serve(key=KEY) as server:
        assert len(ask(server, tmp_path, many(2), api_key_env="MY_KEY").replies) == 2


_LOGGED = """
import logging, sys, traceback
from pathlib import Path
logging.basicConfig(level=logging.DEBUG)
from tests.model.room import ask, many, Patience
folder, backend, urls = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
hasty = Patience(tries=2, first=0.01, longest=0.01)
for url in urls:
    done = ask(url, folder, many(12), backend=backend, api_key_env="MY_KEY", timeout=0.5, patience=hasty)
    print(done.said, done.totals)
    traceback.print_exception(done.error)
"""


@pytest.mark.parametrize("backend", ["anthropic", "anthropic-batches"])
def test_the_key_is_in_no_file_log_message_or_traceback(backend: str, tmp_path: Path) -> None:
    """With the client's own log at its loudest, through answers, faults, a refused key and a server that is gone."""
    faults = {
        f"Brief {n}.": [fault] for n, fault in enumerate(["500", "reset", "stall", "cut", "malformed", "404", "529"])
    }
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_")},
        "PYTHONPATH": str(CHECKOUT), "MY_KEY": KEY, "ANTHROPIC_LOG": "debug",
    }  # fmt: skip
    with (
        serve(log=tmp_path / "server.jsonl", faults=scripted(faults)) as server,
        serve(log=tmp_path / "strict.jsonl", key="another-key") as strict,
    ):
        urls = [server.url, strict.url, "http://127.0.0.1:1"]
        command = [sys.executable, "-c", _LOGGED, tmp_path / "build", backend, *urls]
        done = subprocess.run(
            command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=True
        )
        said = done.stdout + done.stderr
        assert {entry["key_end"] for entry in [*server.log, *strict.log]} == {KEY[-4:]}
    assert "Request options" in said and "does not accept the key" in said and "no connection" in said
    assert KEY not in said and KEY[3:] not in said
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 3
    for path in files:
        assert KEY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("change", "spend", "sentence"),
    [
        ({"base_url": None}, 1.0, "ANTHROPIC_API_KEY is not set; put the key for api.anthropic.com there"),
        ({"api_key_env": "MY_KEY"}, 1.0, "MY_KEY is not set; put the key for 127.0.0.1:1 there, or name another"),
        ({}, None, "say how much at most by `spend: {dollars: N}` in build.yaml"),
        ({"stages": dict.fromkeys(STAGES, "my-model-7b")}, 1.0, "no price is known for model 'my-model-7b'"),
        ({"prices": "nowhere.yaml"}, 1.0, "nowhere.yaml"),
    ],
)
def test_what_is_missing_is_one_sentence_before_anything_is_written(
    change: dict, spend: float | None, sentence: str, tmp_path: Path
) -> None:
    settings = {"backend": "anthropic", "base_url": "http://127.0.0.1:1", "stages": STAGES, **change}
    config = ModelConfig(**settings)
    names = list(dict.fromkeys(config.stages.values()))
    with pytest.raises(ExemplaError) as error:
        prove_backend(config, Spend(dollars=spend) if spend else None, names, tmp_path)
    assert sentence in str(error.value) and "\n" not in str(error.value) and error.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_the_servers_log_holds_no_key_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with serve(key=KEY) as server:
        ask(server, tmp_path, many(1), api_key_env="MY_KEY")
        assert KEY not in json.dumps(messages(server))
