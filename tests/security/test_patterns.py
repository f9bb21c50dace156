"""Reliability contract §7: no regular expression of the client takes long over foreign input."""

from __future__ import annotations

import ast
from pathlib import Path
from re import _constants as tokens  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PACKAGES = ("cerebras_ext", "langchain_cerebras_ext", "llama_index_cerebras_ext")
NOT_READ = (
    ROOT / "cerebras_ext" / "emulator",  # its own tests give its rules what they fear most
    ROOT / "llama_index_cerebras_ext" / "testing.py",  # reads what users' tests give it
)
REPEATS = (tokens.MAX_REPEAT, tokens.MIN_REPEAT, tokens.POSSESSIVE_REPEAT)


def _patterns() -> Iterator[tuple[str, Any]]:
    """Where each call of `re` is, and the pattern it is given."""
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        if {path, *path.parents} & {*NOT_READ}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="re")), args=[pattern, *_]):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", pattern


def has_nested_repetition(pattern: str | bytes) -> bool:
    """Whether something that repeats holds something that repeats."""

    def is_nested(part: Any, is_inside: bool) -> bool:
        if isinstance(part, tuple) and part and part[0] in REPEATS:
            _, (_, n_most, inner) = part
            repeats = n_most > 1
            return (repeats and is_inside) or is_nested(inner, is_inside or repeats)
        if isinstance(part, tuple | list | parser.SubPattern):
            return any(is_nested(each, is_inside) for each in part)
        return False

    return is_nested(parser.parse(pattern), is_inside=False)


@pytest.mark.parametrize("pattern", [r"(a+)+", r"(?:a*b?){2,}", r"(x|(y{3,5}z)*)+?", rb"((a+)b)*"])
def test_nested_repetition_is_found(pattern: str | bytes) -> None:
    """A check that finds nothing would prove nothing."""
    assert has_nested_repetition(pattern)


def test_no_pattern_repeats_what_repeats() -> None:
    """§7: none of the client or the adapters; and each is written out, so that this can tell."""
    found = dict(_patterns())
    assert len(found) > 10
    assert [
        where for where, pattern in found.items() if not isinstance(pattern, ast.Constant)
    ] == []
    assert [where for where, pattern in found.items() if has_nested_repetition(pattern.value)] == []
