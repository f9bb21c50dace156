"""What the schema functions say: changes made, rules broken, and the schema that came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Change",
    "ChangeRule",
    "Effect",
    "Log",
    "NotExpressible",
    "StrictSchema",
    "Violation",
    "ViolationRule",
]

Effect: TypeAlias = Literal["same", "narrower", "wider"]
"""What a change does to the set of accepted instances."""

ChangeRule: TypeAlias = Literal[
    "closed",  # no properties, or items, beyond the named ones
    "dropped",  # a keyword without effect on what is accepted
    "keyed",  # a mapping with a known set of keys became an object
    "made-required",  # an optional property became required
    "merged",  # 'allOf', or a reference with constraints beside it, became one node
    "null-for-absent",  # null was added for what could be absent
    "one-of",  # 'oneOf' became 'anyOf'
    "renamed",  # the same thing in the spelling the service knows
    "restated",  # a keyword became a sentence of the description
    "split",  # one node became several alternatives
    "typed",  # a type was added where it was only implied
    "unknown-required",  # 'required' named a property that is not described
    "unreachable",  # a part nothing can match, or nothing refers to, was left out
    "wrapped",  # a reference with annotations beside it became the only alternative of 'anyOf'
]

ViolationRule: TypeAlias = Literal[
    "array",  # 'items' or closed 'prefixItems' missing
    "free-form",  # accepts anything
    "keyword",  # a keyword the service does not take
    "limit",  # larger than the service takes
    "malformed",  # not a JSON schema
    "object",  # not closed, or without properties
    "recursion",  # a definition contains itself
    "reference",  # not local, or pointing at nothing
    "root",  # the root is not a plain object
    "type",  # a list of types, or an unknown one
    "unsatisfiable",  # accepts nothing
    "value",  # an 'enum' or 'const' value that is not primitive
]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing `to_strict` did.

    Attributes:
        path: JSON pointer to the node in the schema given; `""` is its root.
        keyword: The keyword concerned, at that node.
        rule: Which rewriting it was.
        effect: Whether the service may now answer with the same instances, fewer, or others too.
        text: The same for people.
    """

    path: str
    keyword: str
    rule: ChangeRule
    effect: Effect
    text: str

    def __str__(self) -> str:
        return f"{self.path or 'the root'}: {self.text}"


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing the service would refuse in strict mode.

    Attributes:
        path: JSON pointer to the node; `""` is the root.
        rule: Which rule is broken.
        message: The service's own words where they are known.
    """

    path: str
    rule: ViolationRule
    message: str

    def __str__(self) -> str:
        return f"{self.path or 'the root'}: {self.message}"


@dataclass(frozen=True, slots=True)
class StrictSchema:
    """A schema the service takes in strict mode, and how it differs from the one given.

    Attributes:
        schema: New in every part; nothing in it belongs to the schema given.
        changes: In the order met; empty when the schema was strict already.
    """

    schema: dict[str, Any]
    changes: tuple[Change, ...]


class Log:
    """Collects what is found on the way through a schema; what is said twice counts once."""

    def __init__(self) -> None:
        self._changes: dict[Change, None] = {}
        self._reasons: dict[Violation, None] = {}

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes in the order met."""
        return tuple(self._changes)

    @property
    def reasons(self) -> tuple[Violation, ...]:
        """What cannot be expressed, in the order met."""
        return tuple(self._reasons)

    def change(self, path: str, keyword: str, rule: ChangeRule, effect: Effect, text: str) -> None:
        """Notes a change."""
        self._changes[Change(path, keyword, rule, effect, text)] = None

    def refuse(self, path: str, rule: ViolationRule, message: str) -> None:
        """Notes something that cannot be expressed."""
        self._reasons[Violation(path, rule, message)] = None


class NotExpressible(ValueError):
    """No strict schema says what the given one does.

    Attributes:
        reasons: What stands in the way, each with its place in the schema given.
    """

    def __init__(self, reasons: Iterable[Violation]) -> None:
        self.reasons: tuple[Violation, ...] = tuple(reasons)
        super().__init__(self.reasons)

    def __str__(self) -> str:
        return "\n".join(
            ["the schema cannot be expressed in strict mode:", *map(str, self.reasons)]
        )
