"""Places inside JSON values."""

from __future__ import annotations

from urllib.parse import unquote

from cerebras_ext.emulator.shapes import is_list, is_object

__all__ = ["node_at"]


def node_at(root: object, reference: str) -> object:
    """What a local reference such as `#/$defs/Node` points to; None if that is nothing."""
    node = root
    for part in reference.removeprefix("#").split("/")[1:]:
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        if is_object(node):
            node = node.get(name)
        elif is_list(node) and name.isdecimal() and int(name) < len(node):
            node = node[int(name)]
        else:
            return None
    return node
