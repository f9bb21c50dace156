"""Every way to copy an object, or to send it elsewhere."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import cloudpickle

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)
COPIES: dict[str, Callable[[Any], Any]] = {
    **{f"pickle-{n}": lambda it, n=n: pickle.loads(pickle.dumps(it, n)) for n in PROTOCOLS},
    "cloudpickle": lambda it: cloudpickle.loads(cloudpickle.dumps(it)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}
