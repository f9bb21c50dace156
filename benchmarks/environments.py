"""Virtual environments of the contenders, made from hashed requirement files when missing."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

__all__ = ["pinned", "python_of"]

_ROOT = Path(__file__).parent.parent
_REQUIREMENTS = Path(__file__).parent / "requirements"


def pinned() -> list[str]:
    """What each environment is made for, with its version."""
    return [
        line.split()[0].replace("==", " ")
        for requirements in sorted(_REQUIREMENTS.glob("*.txt"))
        for line in requirements.read_text().splitlines()
        if line.startswith(f"{requirements.stem}==")
    ]


def python_of(environment: str | None) -> str:
    """The interpreter of an environment; None is the one that runs now.

    An environment whose requirement file has changed is made again.
    """
    if environment is None:
        return sys.executable
    folder = _ROOT / f".venv-bench-{environment}"
    python = folder / "bin" / "python"
    requirements = _REQUIREMENTS / f"{environment}.txt"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    mark = folder / "requirements.sha256"
    if mark.exists() and mark.read_text() == wanted:
        return str(python)
    print(f"making {folder.name}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    install = [python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", requirements]
    subprocess.run(install, check=True)  # noqa: S603 - our own arguments
    mark.write_text(wanted)
    return str(python)
