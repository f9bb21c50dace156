"""From any JSON schema to one the service takes in strict mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cerebras_ext.schema.json_tree import copy_of
from cerebras_ext.schema.keywords import MODEL_DEPENDENT, Fate, row_of
from cerebras_ext.schema.limits import find_excesses
from cerebras_ext.schema.report import Log, NotExpressible, StrictSchema
from cerebras_ext.schema.write import Writer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["to_strict"]


def to_strict(
    schema: Mapping[str, Any],
    *,
    require_all: bool = False,
    allowed: Collection[str] = (),
    refused: Collection[str] = (),
) -> StrictSchema:
    """A new schema that says the same in the subset the service takes with `strict: true`.

    Objects are closed; references, 'allOf', type lists and 'oneOf' are put in the forms the service
    knows; constraints it does not take are removed and said in the description instead. What the
    new schema accepts the given one accepts too, but for the changes whose effect is `wider`:
    because of them a reply is still to be validated with the schema given.

    Args:
        schema: Made by pydantic (1 or 2) or by hand, in any draft since 4 or of OpenAPI 3.
        require_all: Whether every property becomes required, which the service does not ask for.
            One that has no default and does not accept null may then be null, to say that it is
            absent; the change's rule is `null-for-absent`.
        allowed: Of the keywords that depend on the model (`minLength`, `maxLength`), those to send.
        refused: Limits the model refuses besides, to be said in the description.

    Raises:
        NotExpressible: No strict schema says the same; the error lists every reason.
        ValueError: `refused` names a keyword a schema cannot do without.
    """
    _check_keywords(allowed, refused)
    log = Log()
    not_sent = (MODEL_DEPENDENT - {*allowed}) | {*refused}
    writer = Writer(copy_of(schema), refused=not_sent, require_all=require_all, log=log)
    try:
        strict = writer.write()
    except NotExpressible as error:
        raise NotExpressible(dict.fromkeys((*log.reasons, *error.reasons))) from None
    for excess in find_excesses(strict):
        path = writer.origin_of(excess.path)
        log.refuse(path, excess.rule, excess.message)
    if log.reasons:
        raise NotExpressible(log.reasons)
    return StrictSchema(strict, log.changes)


def _check_keywords(allowed: Collection[str], refused: Collection[str]) -> None:
    if unknown := {*allowed} - MODEL_DEPENDENT:
        message = (
            f"allowed: {min(unknown)!r} does not depend on the model; leave it out of `allowed`"
        )
        raise ValueError(message)
    for name in refused:
        row = row_of(name)
        if row.is_accepted and row.fate is not Fate.BOUND:
            message = f"refused: {name!r} cannot be put in words; leave it out of `refused`"
            raise ValueError(message)
