"""A second reading of JSON schema, to hold the strict form against the schema given.

`relaxed` is the schema given, without the constraints the report says were given up, in the words
of draft 2020-12. The validator is the jsonschema package's.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from hypothesis import reject
from jsonschema import Draft202012Validator

from cerebras_ext.schema.json_tree import find

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cerebras_ext.schema import Change


def accepts(schema: Any, instance: Any) -> bool:
    """Whether the instance is valid under the schema, by draft 2020-12.

    A reference that leads to itself without end has no answer; such a drawn example is dropped.
    """
    try:
        return Draft202012Validator(schema).is_valid(instance)
    except RecursionError:
        reject()


def relaxed(schema: Any, changes: Iterable[Change]) -> Any:
    """The schema given, without the constraints that were reported as given up."""
    left = deepcopy(schema)
    for change in sorted(changes, key=lambda change: -len(change.path)):  # the innermost first
        if change.rule == "restated" and change.effect == "wider":
            node = find(left, change.path)
            removed = node.pop(change.keyword)
            if change.keyword == "oneOf":
                node["allOf"] = [*node.get("allOf", []), {"anyOf": removed}]
    return modern(left)


def modern(schema: Any) -> Any:
    """The schema with what older drafts and OpenAPI 3.0 call otherwise as draft 2020-12 has it."""
    if isinstance(schema, list):
        return [modern(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    node = {keyword: modern(value) for keyword, value in schema.items()}
    for exclusive, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(node.get(exclusive), bool) and node.pop(exclusive) and limit in node:
            node[exclusive] = node.pop(limit)
    if isinstance(node.get("items"), list):
        node["prefixItems"] = node.pop("items")
        if "additionalItems" in node:
            node["items"] = node.pop("additionalItems")
    if node.pop("nullable", None) is True:
        definitions = {word: node.pop(word) for word in ("$defs", "definitions") if word in node}
        return {**definitions, "anyOf": [node, {"type": "null"}]}
    return node
