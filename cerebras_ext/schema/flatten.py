"""What the places of a schema say, with references, 'allOf' and alternatives worked out.

`Flattener.flatten` answers with one of three shapes: a reference, a choice, or plain constraints. A
reference with constraints beside it is opened, and constraints beside a choice are spread over its
alternatives; both say the same as before, in nodes the service takes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from cerebras_ext.schema.disjoint import are_disjoint
from cerebras_ext.schema.json_tree import refusal
from cerebras_ext.schema.merge import merge
from cerebras_ext.schema.parts import Choice, Members, Part, Place, Places, Ref, Source
from cerebras_ext.schema.read import STAND_IN, Reader
from cerebras_ext.schema.report import Log

if TYPE_CHECKING:
    from collections.abc import Collection

    from cerebras_ext.schema.json_tree import Json, Scalar

__all__ = ["MAX_READS", "Flattener", "Gatherer", "Shape"]

# Nodes read, each time one is opened again included. The 500 properties the service takes stay far
# below, with several alternatives each; what spreads without end stops here.
MAX_READS: Final = 5_000

# Alternatives inside alternatives; past what the service takes, null may as well be added again.
_MAX_DEPTH_OF_NULL: Final = 20

_EXACTLY_ONE: Final = "Exactly one of the alternatives must match."


@dataclass(frozen=True, slots=True)
class Shape:
    """What some places say together.

    Attributes:
        part: The constraints; nothing but annotations beside a reference or alternatives.
        ref: The node referred to.
        alternatives: Of these one must match.
    """

    part: Part
    ref: Ref | None = None
    alternatives: tuple[Places, ...] = ()


class Gatherer:
    """Puts the places of one document together.

    Args:
        document: The root of the schema.
        refused: Keywords that are not sent although the service knows them.
        log: Where changes and obstacles are noted.
    """

    def __init__(self, document: Json, *, refused: Collection[str], log: Log) -> None:
        self._reader = Reader(document, refused=refused, log=log)
        self._log = log
        self._n_reads = 0

    def gather(self, places: Places, *, is_opened: bool) -> Part:
        """The places as one part.

        Args:
            places: At least one.
            is_opened: Whether a reference, or a choice of one, is replaced by what stands there
                even if there is nothing beside it.
        """
        merged = Part(places[0].path)
        opened: set[str] = set()
        queue = deque(places)
        while queue:
            place = queue.popleft()
            part = place if isinstance(place, Part) else self._read(place)
            if part.is_fenced and (queue or merged.members or merged.refs or merged.choices):
                message = "'unevaluatedProperties' cannot be merged with what stands beside it"
                self._log.refuse(part.path, "keyword", message)
            queue.extendleft(reversed(part.all_of))
            merged = merge(merged, replace(part, all_of=(), is_fenced=False))
            if not queue:
                merged, found = self._open(merged, opened, is_opened=is_opened)
                queue.extend(found)
        return merged

    def _read(self, source: Source) -> Part:
        self._n_reads += 1
        if self._n_reads > MAX_READS:
            message = f"more than {MAX_READS:,} nodes, opened references included"
            raise refusal("", "limit", message)
        return self._reader.read(source)

    def _open(self, part: Part, opened: set[str], *, is_opened: bool) -> tuple[Part, list[Place]]:
        """The part without what has to be opened, and the places that are to be merged instead."""
        if not (part.refs or part.choices):
            return part, []
        pointers = {ref.pointer for ref in part.refs}
        is_lone = len(pointers) == 1 and not (part.has_own_constraints or part.choices)
        found: list[Place] = []
        if is_opened or not is_lone:
            found += chain.from_iterable(self._target(ref, opened) for ref in part.refs)
            part = replace(part, refs=())
        if is_opened:
            found += chain.from_iterable(c.alternatives[0] for c in part.choices if c.is_lone)
            part = replace(part, choices=tuple(c for c in part.choices if not c.is_lone))
        return part, found

    def _target(self, ref: Ref, opened: set[str]) -> Places:
        """What the reference points at, unless that is merged already."""
        if ref.pointer in ref.target.lineage[:-1]:
            message = f"{ref.pointer or 'the root'} contains itself; recursion cannot be sent"
            self._log.refuse(ref.path, "recursion", message)
            return (Source(ref.path, dict(STAND_IN)),)
        text = "the reference is replaced by what it points at"
        self._log.change(ref.path, "$ref", "merged", "same", text)
        if ref.pointer in opened:
            return ()
        opened.add(ref.pointer)
        return (ref.target,)


class Flattener:
    """Works out the places of one document; takes what `Gatherer` takes."""

    def __init__(self, document: Json, *, refused: Collection[str], log: Log) -> None:
        self._gatherer = Gatherer(document, refused=refused, log=log)
        # Looks ahead at nodes that may never be written, so what it notes does not count.
        self._scout = Gatherer(document, refused=refused, log=Log())
        self._log = log

    def flatten(self, places: Places, *, is_opened: bool = False) -> Shape:
        """What an instance must be to match every place; see `Gatherer.gather`."""
        part = self._gatherer.gather(places, is_opened=is_opened)
        if part.refs:
            return Shape(replace(part, refs=()), ref=part.refs[0])
        if part.choices and not part.is_never:
            return self._spread(part)
        return Shape(part)

    def values_of(self, places: Places) -> tuple[Scalar, ...] | None:
        """The values accepted at the places; None when they are not plainly listed."""
        part = self._look(places)
        is_plain = not (part.is_weakened or part.bounds or part.choices)
        return part.values if is_plain and part.types in (None, ("string",)) else None

    def accepts_null(self, places: Places, depth: int = 0) -> bool:
        """Whether it is plain that null matches."""
        part = self._look(places)
        if part.values is not None:
            is_among = None in part.values
        else:
            is_among = "null" in part.types if part.types else bool(part.choices)
        return (
            is_among
            and depth < _MAX_DEPTH_OF_NULL
            and all(
                any(
                    self.accepts_null(alternative, depth + 1) for alternative in choice.alternatives
                )
                for choice in part.choices
            )
        )

    def _look(self, places: Places) -> Part:
        return self._scout.gather(places, is_opened=True)

    def _spread(self, part: Part) -> Shape:
        """The part as its first choice, with everything else inside the alternatives."""
        choice, *others = part.choices
        alternatives = self._tagged(choice)
        texts = part.texts
        if choice.is_exclusive and not self._are_exclusive(choice.path, alternatives):
            texts += (_EXACTLY_ONE,)
        outer = Part(part.path, annotations=part.annotations, texts=texts)
        if others or part.has_own_constraints:
            text = "what stands beside the alternatives moves into each of them"
            self._log.change(part.path, "anyOf", "merged", "same", text)
            inner = replace(part, annotations={}, texts=(), choices=tuple(others))
            alternatives = tuple((inner, *places) for places in alternatives)
        return Shape(outer, alternatives=alternatives)

    def _are_exclusive(self, path: str, alternatives: tuple[Places, ...]) -> bool:
        """Whether 'anyOf' says the same of the alternatives as 'oneOf', which is noted."""
        is_same = are_disjoint([self._look(places) for places in alternatives], self._look)
        if is_same:
            self._log.change(path, "oneOf", "one-of", "same", "'oneOf' becomes 'anyOf'")
        else:
            text = f"'oneOf' becomes 'anyOf', with a word in the description: {_EXACTLY_ONE}"
            self._log.change(path, "oneOf", "restated", "wider", text)
        return is_same

    def _tagged(self, choice: Choice) -> tuple[Places, ...]:
        """The alternatives, each requiring the discriminator, if every one describes it.

        A discriminator must be there by its own definition, and pydantic answers its absence with
        an error; but a tag with a default is not in 'required'.
        """
        if choice.tag is None:
            return choice.alternatives
        members = [self._look(places).members or Members() for places in choice.alternatives]
        is_required = [choice.tag in (said.required or ()) for said in members]
        is_described = all(choice.tag in said.properties for said in members)
        if all(is_required) or not is_described:
            return choice.alternatives
        text = f"{choice.tag!r} is required: it tells the alternatives apart"
        self._log.change(choice.path, "discriminator", "made-required", "narrower", text)
        tag = Part(choice.path, members=Members(required=(choice.tag,)))
        return tuple(
            places if is_there else (*places, tag)
            for places, is_there in zip(choice.alternatives, is_required, strict=True)
        )
