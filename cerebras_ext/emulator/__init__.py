"""A local server that speaks the wire of Cerebras Inference, for tests and for work without a key.

    python -m cerebras_ext.emulator --port 8000

    from cerebras_ext.emulator import running_emulator

    with running_emulator() as emulator:
        ...  # point any client at emulator.base_url, with any key

Facts about models are real; texts are not: they come from a script the user gives, or from a small
deterministic responder. The `server` header of every reply says so.
"""

from __future__ import annotations

from cerebras_ext.emulator.faults import FAULT_HEADER, FAULTS, FaultError
from cerebras_ext.emulator.options import EmulatorOptions
from cerebras_ext.emulator.recording import RecordedRequest
from cerebras_ext.emulator.script import ScriptCall, ScriptError, ScriptStep, read_script

try:
    from cerebras_ext.emulator.server import RunningEmulator, running_emulator
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "uvicorn":
        raise
    raise ImportError("The emulator needs uvicorn: pip install 'cerebras-ext[emulator]'") from None

__all__ = [
    "FAULTS",
    "FAULT_HEADER",
    "EmulatorOptions",
    "FaultError",
    "RecordedRequest",
    "RunningEmulator",
    "ScriptCall",
    "ScriptError",
    "ScriptStep",
    "read_script",
    "running_emulator",
]
