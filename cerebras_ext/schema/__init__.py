"""JSON schemas for strict mode: what the service takes of them, and how to get there.

With `strict: true` the service holds the model to a schema, and takes a narrow subset of JSON
schema for it. `to_strict` puts a schema in that subset and says what it changed; `find_violations`
says what the service would refuse.

    >>> from cerebras_ext.schema import to_strict
    >>> strict = to_strict(
    ...     {"type": "object", "properties": {"code": {"type": "string", "pattern": "^[A-Z]+$"}}}
    ... )
    >>> strict.schema["properties"]["code"]
    {'description': 'Must match the regular expression `^[A-Z]+$`.', 'type': 'string'}
    >>> [change.rule for change in strict.changes]
    ['closed', 'restated']

Pure functions over plain data: no schema given is ever changed, and none is too hostile to answer.
"""

from __future__ import annotations

from cerebras_ext.schema.keywords import MODEL_DEPENDENT
from cerebras_ext.schema.names import schema_name
from cerebras_ext.schema.report import (
    Change,
    ChangeRule,
    Effect,
    NotExpressible,
    StrictSchema,
    Violation,
    ViolationRule,
)
from cerebras_ext.schema.strict import to_strict
from cerebras_ext.schema.violations import find_violations

__all__ = [
    "MODEL_DEPENDENT",
    "Change",
    "ChangeRule",
    "Effect",
    "NotExpressible",
    "StrictSchema",
    "Violation",
    "ViolationRule",
    "find_violations",
    "schema_name",
    "to_strict",
]
