"""The `exempla` command: its verbs, its exit codes, and the one place where errors become words."""

import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

import typer
from typer.exceptions import Abort, Exit, TyperException

from builder.cli.build import build
from builder.cli.check import check
from builder.cli.distance import distance
from builder.cli.estimate import estimate
from builder.cli.import_ import import_
from builder.cli.init import init
from builder.cli.plan import plan
from builder.cli.verify import verify
from builder.errors import ExemplaError
from builder.one_line import escaped

BUG, INTERRUPTED, TERMINATED = 70, 130, 143

app = typer.Typer(
    name="exempla",
    help="Build constitutional character-training corpora, and measure any corpus against any evaluation.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(init)
app.command("import")(import_)
app.command("check")(check)
app.command("plan")(plan)
app.command("estimate")(estimate)
app.command("build")(build)
app.command("distance")(distance)
app.command("verify")(verify)


def _version(asked: bool) -> None:
    if asked:
        from builder import __version__

        typer.echo(f"exempla {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Build constitutional character-training corpora, and measure any corpus against any evaluation."""


def run() -> NoReturn:
    """Run the command line and exit: 0 done, 1 a gate said no, 2 change something, 3 go on later, 70 our bug."""
    terminated = False

    def terminate(_number: int, _frame: FrameType | None) -> None:
        nonlocal terminated
        terminated = True
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGTERM, terminate)
    _open_streams()
    code = _guarded(lambda: app(standalone_mode=False))
    _settle(sys.stdout)
    _settle(sys.stderr)
    if code == INTERRUPTED:
        # CPython kills itself at exit if an interrupt ever passed through exec(), handled or not; this exit is ours.
        os._exit(TERMINATED if terminated else INTERRUPTED)
    sys.exit(code)


def _open_streams() -> None:
    """Give the streams that the caller closed somewhere to go, and file names that are no text an escape."""
    for name in ("stdin", "stdout", "stderr"):  # in this order each takes the number that was closed
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - open to the end
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _settle(stream: TextIO) -> None:
    """Write out what a stream holds, or let it go, so that the end of the process does not fail over it."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _guarded(action: Callable[[], object]) -> int:
    try:
        result = action()
        sys.stdout.flush()
        code = result if isinstance(result, int) else 0
        return _interrupted() if code == INTERRUPTED else code
    except ExemplaError as error:
        return _say(str(error), error.exit_code)
    except Exit as done:
        return done.exit_code
    except (Abort, KeyboardInterrupt):
        return _interrupted()
    except TyperException as error:
        message = getattr(error, "format_message", error.__str__)().rstrip(".")
        return _say(f"{message}; see exempla --help", 2) if message else 2
    except BrokenPipeError:
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _say(f"{where}{error.strerror or error}; mend that and run again, finished work is kept", 2)
    except Exception:  # noqa: BLE001 - the last resort, which says that it is one
        traceback.print_exc()
        return _say("this is a bug in exempla; please report it with the lines above", BUG)


def _interrupted() -> int:
    return _say("interrupted; everything finished is kept, the same command goes on from here", INTERRUPTED)


_STATES = {1: "refused", 2: "error", 3: "incomplete", BUG: "bug", INTERRUPTED: "interrupted"}


def _say(sentence: str, code: int) -> int:
    with suppress(OSError):  # a stream that takes nothing cannot be told so
        print(f"exempla: {escaped(sentence)}", file=sys.stderr, flush=True)
    return _json_error(sentence, code)


def _json_error(sentence: str, code: int) -> int:
    if "--json" in sys.argv:
        with suppress(OSError):
            print(json.dumps({"state": _STATES.get(code, "error"), "message": sentence}), flush=True)
    return code


if __name__ == "__main__":
    run()
