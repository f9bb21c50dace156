"""The table of JSON schema keywords: what the service takes, and what happens to the rest.

Source: structured outputs page, read 2026-10-01 (documented); `minLength` and `maxLength` depend
on the model, see `MODEL_DEPENDENT`. A keyword without a row is an annotation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cerebras_ext.schema.json_tree import Json, Scalar
    from cerebras_ext.schema.report import ChangeRule

__all__ = [
    "KEYWORDS",
    "MODEL_DEPENDENT",
    "SCHEMA",
    "SCHEMAS",
    "SCHEMA_MAP",
    "TYPES",
    "Fate",
    "Form",
    "Keyword",
    "is_primitive",
    "is_relevant",
    "row_of",
]

TYPES: Final = ("object", "array", "string", "number", "integer", "boolean", "null")

MODEL_DEPENDENT: Final = frozenset({"minLength", "maxLength"})
"""Keywords some models refuse in strict mode; not sent unless asked for."""


class Fate(Enum):
    """What becomes of a keyword."""

    ANNOTATION = auto()
    """Sent as it is."""
    BOUND = auto()
    """Sent, or restated where the model refuses it."""
    STRUCTURE = auto()
    """Read for its meaning, which is then written in the keywords the service takes."""
    RESTATED = auto()
    """A constraint the service does not take: said in the description."""
    NOTED = auto()
    """A hint the service does not take: said in the description."""
    DROPPED = auto()
    """Left out; it says nothing about instances."""
    REFUSED = auto()
    """Says something that can be neither sent nor put in plain words."""


@dataclass(frozen=True, slots=True)
class Form:
    """The JSON a keyword's value must be."""

    words: str
    fits: Callable[[Json], bool]


def _is_number(value: Json) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))


def _is_positive(value: Json) -> bool:
    return isinstance(value, int | float) and _is_number(value) and value > 0


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_texts(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_types(value: Json) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(name in TYPES for name in names)


ANYTHING: Final = Form("anything", lambda _: True)
COUNT: Final = Form("a whole number from 0", _is_count)
FLAG: Final = Form("true or false", lambda value: isinstance(value, bool))
LIST: Final = Form("a list", lambda value: isinstance(value, list))
MAP: Final = Form("an object", lambda value: isinstance(value, dict))
NUMBER: Final = Form("a finite number", _is_number)
POSITIVE: Final = Form("a finite number above 0", _is_positive)
TEXT: Final = Form("text", lambda value: isinstance(value, str))
TEXTS: Final = Form("a list of texts", _is_texts)
TYPE: Final = Form(f"one of {', '.join(TYPES)}, or a list of them", _is_types)
SCHEMA: Final = Form("a schema", lambda value: isinstance(value, dict | bool))
SCHEMAS: Final = Form(
    "a list of schemas, not empty", lambda value: isinstance(value, list) and value != []
)
SCHEMA_MAP: Final = Form("an object of schemas", lambda value: isinstance(value, dict))
SCHEMA_OR_LIST: Final = Form(
    "a schema or a list", lambda value: isinstance(value, dict | bool | list)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyword:
    """A row of the table.

    Attributes:
        fate: What becomes of the keyword.
        form: What its value must be.
        implies: The type of the instances it speaks of; others it lets pass.
        text: The sentence it becomes (`{}` is its value), or what its rewriting is, or why it is
            refused.
        is_accepted: Whether the service takes it in strict mode.
        rule: Which rewriting it is, for the report.
        idle: Values that say nothing.
    """

    fate: Fate
    form: Form = ANYTHING
    implies: str | None = None
    text: str = ""
    is_accepted: bool = False
    rule: ChangeRule = "dropped"
    idle: tuple[Json, ...] = ()


_DEPENDS: Final = ""  # what it becomes is known only once the whole node is
_UNKNOWN: Final = Keyword(fate=Fate.DROPPED)


def _annotation(form: Form) -> Keyword:
    return Keyword(fate=Fate.ANNOTATION, form=form, is_accepted=True)


def _bound(implies: str, form: Form, text: str, *idle: Json) -> Keyword:
    return Keyword(
        fate=Fate.BOUND, form=form, implies=implies, text=text, is_accepted=True, idle=idle
    )


def _taken(form: Form, implies: str | None = None) -> Keyword:
    return Keyword(fate=Fate.STRUCTURE, form=form, implies=implies, is_accepted=True)


def _rewritten(
    form: Form, rule: ChangeRule, text: str, implies: str | None = None, *idle: Json
) -> Keyword:
    return Keyword(fate=Fate.STRUCTURE, form=form, rule=rule, text=text, implies=implies, idle=idle)


def _restated(implies: str, form: Form, text: str, *idle: Json) -> Keyword:
    return Keyword(fate=Fate.RESTATED, form=form, implies=implies, text=text, idle=idle)


def _noted(text: str) -> Keyword:
    return Keyword(fate=Fate.NOTED, text=text)


def _refused(why: str, *idle: Json) -> Keyword:
    return Keyword(fate=Fate.REFUSED, text=why, idle=idle)


KEYWORDS: Final[Mapping[str, Keyword]] = MappingProxyType(
    {
        "title": _annotation(TEXT),
        "description": _annotation(TEXT),
        "default": _annotation(ANYTHING),
        # It names a dialect the schema that comes out need not be in.
        "$schema": Keyword(fate=Fate.DROPPED, is_accepted=True),
        "type": _taken(TYPE),
        "enum": _taken(LIST),
        "const": _taken(ANYTHING),
        "anyOf": _taken(SCHEMAS),
        "$ref": _taken(TEXT),
        "$defs": _taken(SCHEMA_MAP),
        "properties": _taken(SCHEMA_MAP, "object"),
        "required": _taken(TEXTS, "object"),
        "additionalProperties": _taken(SCHEMA, "object"),
        "items": _taken(SCHEMA_OR_LIST, "array"),
        "prefixItems": _taken(SCHEMAS, "array"),
        "minimum": _bound("number", NUMBER, "Must be at least {}."),
        "maximum": _bound("number", NUMBER, "Must be at most {}."),
        "exclusiveMinimum": _bound("number", NUMBER, "Must be greater than {}."),
        "exclusiveMaximum": _bound("number", NUMBER, "Must be less than {}."),
        "multipleOf": _bound("number", POSITIVE, "Must be a multiple of {}."),
        "minLength": _bound("string", COUNT, "Minimum length: {}.", 0),
        "maxLength": _bound("string", COUNT, "Maximum length: {}."),
        "allOf": _rewritten(SCHEMAS, "merged", "the parts of 'allOf' are merged into one node"),
        "oneOf": _rewritten(SCHEMAS, "one-of", _DEPENDS),
        "nullable": _rewritten(FLAG, "split", "null becomes an alternative", None, False),
        "definitions": _rewritten(SCHEMA_MAP, "renamed", "'definitions' becomes '$defs'"),
        "discriminator": _rewritten(MAP, "dropped", "the alternatives' own tags tell them apart"),
        "additionalItems": _rewritten(
            SCHEMA, "renamed", "'additionalItems' becomes 'items'", "array"
        ),
        "propertyNames": _rewritten(SCHEMA, "keyed", _DEPENDS, "object", True),
        "unevaluatedProperties": _rewritten(
            SCHEMA, "dropped", "'additionalProperties' says it", "object", True
        ),
        "pattern": _restated("string", TEXT, "Must match the regular expression `{}`."),
        "format": _restated("string", TEXT, "Format: {}."),
        "minItems": _restated("array", COUNT, "Minimum number of items: {}.", 0),
        "maxItems": _restated("array", COUNT, "Maximum number of items: {}."),
        "uniqueItems": _restated("array", FLAG, "All items must be different.", False),
        "contains": _restated("array", SCHEMA, "Some items must match this JSON schema: {}."),
        "minContains": _restated("array", COUNT, "At least {} of them."),
        "maxContains": _restated("array", COUNT, "At most {} of them."),
        "minProperties": _restated("object", COUNT, "Minimum number of properties: {}.", 0),
        "maxProperties": _restated("object", COUNT, "Maximum number of properties: {}."),
        "dependentRequired": _restated(
            "object", MAP, "Each of these properties needs those listed with it: {}."
        ),
        "examples": _noted("Examples: {}."),
        "example": _noted("Example: {}."),
        "contentEncoding": _noted("Encoding: {}."),
        "contentMediaType": _noted("Content type: {}."),
        "contentSchema": _noted("The content must match this JSON schema: {}."),
        "not": _refused("'not' cannot be sent; describe what is accepted instead"),
        "if": _refused("'if' cannot be sent; use 'anyOf' with one alternative for each case"),
        "dependentSchemas": _refused("'dependentSchemas' cannot be sent; use 'anyOf'"),
        "dependencies": _refused("'dependencies' cannot be sent; use 'anyOf'"),
        "patternProperties": _refused("properties cannot be named by a pattern; name each one"),
        "unevaluatedItems": _refused("'unevaluatedItems' cannot be sent; close the array", True),
        "$dynamicRef": _refused("dynamic references cannot be sent; use '$ref' into '$defs'"),
        "$recursiveRef": _refused("recursive references cannot be sent"),
    }
)


def is_primitive(value: Json) -> TypeGuard[Scalar]:
    """Whether the value may stand in 'enum' and 'const'."""
    return value is None or isinstance(value, bool | str) or _is_number(value)


def row_of(keyword: str) -> Keyword:
    """The keyword's row; an unknown one is an annotation nobody needs."""
    return KEYWORDS.get(keyword, _UNKNOWN)


def is_relevant(row: Keyword, types: tuple[str, ...]) -> bool:
    """Whether the keyword speaks of instances of any of the types."""
    return (
        row.implies is None
        or row.implies in types
        or (row.implies == "number" and "integer" in types)
    )
