"""`python -m cerebras_ext.emulator`: an emulator until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cerebras_ext.emulator.options import EmulatorOptions
from cerebras_ext.emulator.script import ScriptError, read_script
from cerebras_ext.emulator.server import EmulatorServer, listening_socket, url_of
from cerebras_ext.emulator.state import EmulatorState

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_WELCOME = """\
Emulating Cerebras Inference at {url}/v1 (texts are made up; facts about models are not).

  export CEREBRAS_BASE_URL={url}/v1
  export CEREBRAS_API_KEY='{key}'

Models: {models}. Ctrl-C stops."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs an emulator until it is interrupted; the exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        options = _options(given)
        listener = listening_socket(options)
    except (ValueError, OSError, ScriptError) as error:
        parser.error(str(error))
    with listener, contextlib.suppress(KeyboardInterrupt):
        state = EmulatorState(options)
        welcome = _WELCOME.format(
            url=url_of(listener),
            key="the key you gave" if options.api_key else "csk-any",
            models=", ".join(state.service.models),
        )
        sys.stdout.write(f"{welcome}\n")
        sys.stdout.flush()
        asyncio.run(EmulatorServer(state).serve([listener]))
    return 0


def _options(given: argparse.Namespace) -> EmulatorOptions:
    """The options that the arguments ask for; what was not given keeps its default."""
    values = {name: value for name, value in vars(given).items() if value is not None}
    if path := values.pop("script", None):
        values["script"] = read_script(path)
    if models := values.pop("models", None):
        values["models"] = [model for model in models.split(",") if model]
    return EmulatorOptions(**values)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cerebras_ext.emulator",
        description="A local server that speaks the wire of Cerebras Inference.",
        argument_default=None,
    )
    add = parser.add_argument
    add("--host", help="address to listen on (127.0.0.1)")
    add("--port", type=int, default=8000, help="port; 0 takes a free one (8000)")
    add("--allow-remote", action="store_true", help="allow an address others can reach")
    add("--api-key", metavar="KEY", help="the one key to accept; any, if not given")
    add("--models", metavar="ID,ID", help="models to serve; those of the shared service")
    add("--script", type=Path, metavar="FILE", help="replies to give, JSON or YAML")
    add("--on-script-end", choices=["respond", "error"], help="then? (respond)")
    add("--tokens-per-s", type=float, metavar="N", help="speed of answers; as fast as can be")
    add("--ttft-ms", type=float, metavar="N", help="milliseconds before the first token (0)")
    add("--tokens-per-delta", type=int, metavar="N", help="tokens in one chunk (4)")
    add("--no-done", dest="send_done", action="store_false", help="no [DONE] after streams")
    add("--tier", choices=["free", "paid"], help="whose windows and maxima hold (free)")
    add("--rate-limits", choices=["unlimited", "free", "developer"], help="(unlimited)")
    add("--sends-retry-after", action="store_true", help="429 answers say when to come back")
    add("--legacy-headers", action="store_true", help="rate-limit headers of 2025")
    add("--idle-timeout-s", type=float, metavar="N", help="stop after N s without a request")
    return parser


if __name__ == "__main__":
    sys.exit(main())
