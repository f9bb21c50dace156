"""Reliability contract §6: a key in 9 spellings shows in none of 17 sinks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.security.exposure import CANARY, SINKS, SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.security.exposure import Texts


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("sink", SINKS)
def test_key_does_not_show(exposed: Callable[[str], Texts], sink: str, spelling: str) -> None:
    """§6: given as text, secret, function or variable, to client and models, used or refused."""
    leaks = [text for text in exposed(spelling)[sink] if CANARY in text]
    assert leaks == []


@pytest.mark.parametrize("sink", SINKS)
def test_sink_is_looked_into(exposed: Callable[[str], Texts], sink: str) -> None:
    """A sink that nothing reached would prove nothing."""
    texts = exposed("spaces")[sink]
    assert "".join(texts).strip()


def test_table_is_whole() -> None:
    """§10: 153 cells."""
    assert len(SINKS) * len(SPELLINGS) == 153
