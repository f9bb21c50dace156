"""What users install: the wheel's contents and metadata (reliability contract §9)."""

from __future__ import annotations

import subprocess
import sys
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

ROOT = Path(__file__).parents[1]
PACKAGES = {"cerebras_ext", "langchain_cerebras_ext", "llama_index_cerebras_ext"}


def _build_wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    subprocess.run([*command, str(folder)], cwd=ROOT, check=True, capture_output=True)  # noqa: S603 # our own build
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    """The wheel, built once from the tree as it is."""
    with ZipFile(_build_wheel(tmp_path_factory.mktemp("wheel"))) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(wheel: ZipFile) -> Message:
    """The wheel's METADATA."""
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return HeaderParser().parsestr(wheel.read(name).decode())


def test_wheel_holds_the_three_packages_and_nothing_else(wheel: ZipFile) -> None:
    """No test, example or stray module is installed into a user's environment."""
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES


def test_wheel_holds_only_code_and_markers(wheel: ZipFile) -> None:
    """Nothing that runs by itself or was left lying about: no `.pth`, binary or notebook."""
    in_packages = [name for name in wheel.namelist() if ".dist-info/" not in name]
    assert {name.rpartition("/")[2].partition(".")[2] for name in in_packages} <= {"py", "typed"}


def test_wheel_holds_every_module(wheel: ZipFile) -> None:
    """§9.3: the files of the packages as they are in the tree, neither more nor fewer."""
    in_tree = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    in_wheel = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert in_wheel == in_tree


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_wheel_marks_each_package_as_typed(wheel: ZipFile, package: str) -> None:
    """Type checkers read our annotations (PEP 561)."""
    assert f"{package}/py.typed" in wheel.namelist()


def test_wheel_carries_the_licence(wheel: ZipFile) -> None:
    """The MIT licence travels with every copy, as it asks."""
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel.namelist())


def test_wheel_builds_to_equal_bytes(wheel: ZipFile, tmp_path: Path) -> None:
    """Anyone can rebuild a release from its tag and compare."""
    assert wheel.filename is not None
    assert _build_wheel(tmp_path).read_bytes() == Path(wheel.filename).read_bytes()


def test_base_install_needs_httpx_and_pydantic_only(metadata: Message) -> None:
    """Whoever uses neither framework installs neither."""
    requirements = [
        line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line
    ]
    assert [line.partition("<")[0].partition(">")[0] for line in requirements] == [
        "httpx",
        "pydantic",
    ]


def test_extras_are_the_documented_ones(metadata: Message) -> None:
    """The README's table of extras is complete."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    extras = metadata.get_all("Provides-Extra", [])
    assert extras
    assert [extra for extra in extras if f"| `{extra}` |" not in readme] == []
