"""Names in the service's alphabet."""

from __future__ import annotations

import hashlib
import re
from typing import Final

__all__ = ["MAX_NAME_LENGTH", "schema_name"]

MAX_NAME_LENGTH: Final = 64
_ACCEPTED: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9_-]+")
_DIGEST_LENGTH: Final = 8


def schema_name(name: str) -> str:
    """The name in the service's alphabet, `[A-Za-z0-9_-]{1,64}`.

    A name that fits is returned as it is: `Order` stays `Order`, `Box[str]` becomes `Box_str`. The
    end of a longer name is replaced by a digest, so that names with a common beginning stay apart.
    """
    if _ACCEPTED.fullmatch(name):
        return name
    fitting = _FOREIGN.sub("_", name).strip("_") or "schema"
    if len(fitting) <= MAX_NAME_LENGTH:
        return fitting
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    return f"{fitting[: MAX_NAME_LENGTH - _DIGEST_LENGTH - 1]}_{digest}"
