"""`schema_name`: names in the service's alphabet."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebras_ext.schema import schema_name


@pytest.mark.parametrize(
    ("name", "fitting"),
    [
        ("Order", "Order"),
        ("Box[str]", "Box_str"),
        ("dict[str, list[int]]", "dict_str_list_int"),
        ("pkg.module.Order", "pkg_module_Order"),
        ("Größe", "Gr_e"),
        ("_private-1", "_private-1"),
        ("", "schema"),
        ("订单", "schema"),
        ("a" * 64, "a" * 64),
        ("a" * 65, "a" * 55 + "_635361c4"),
    ],
)
def test_schema_name_fits_the_alphabet(name: str, fitting: str) -> None:
    """A name that fits stays; another is made to, the same way every time (LI-51)."""
    assert schema_name(name) == fitting


def test_schema_names_with_a_common_beginning_stay_apart() -> None:
    """Cutting a long name never makes it another's."""
    assert schema_name("Page[" + "x" * 80 + "1]") != schema_name("Page[" + "x" * 80 + "2]")


@given(st.text(max_size=200))
def test_schema_name_is_one_the_service_takes(name: str) -> None:
    """Whatever comes in, `[A-Za-z0-9_-]{1,64}` comes out, and stays what it is."""
    fitting = schema_name(name)
    assert re.fullmatch("[A-Za-z0-9_-]{1,64}", fitting)
    assert schema_name(fitting) == fitting
