"""What a release is made of and how it is made (reliability contract §9.3, §9.4)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PINS = ("requirements/test.txt", "requirements/lowest.txt")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
each_pins = pytest.mark.parametrize("path", PINS)
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def _requirements(path: str) -> list[str]:
    text = (ROOT / path).read_text(encoding="utf-8")
    return re.findall(r"^[a-z0-9].*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)


def _loaded(path: Path) -> Any:
    # YAML 1.1 reads the key `on` as a boolean.
    text = path.read_text(encoding="utf-8").replace("\non:\n", "\ntriggers:\n")
    return yaml.safe_load(text)


def _uses(path: Path) -> list[str]:
    jobs = _loaded(path)["jobs"].values()
    return [step["uses"] for job in jobs for step in job["steps"] if "uses" in step]


@each_pins
def test_every_package_is_pinned_by_hash(path: str) -> None:
    """§9.3: a changed file of an index is refused, whoever changed it."""
    loose = [
        each for each in _requirements(path) if "==" not in each or "--hash=sha256:" not in each
    ]
    assert loose == []


@each_pins
def test_pins_name_no_index(path: str) -> None:
    """Where packages come from is for the installing machine to say."""
    assert re.findall(r"https?://|--(?:extra-)?index-url", (ROOT / path).read_text("utf-8")) == []


def test_lowest_pins_are_the_declared_floors() -> None:
    """§9.3: what pyproject.toml promises to work with is what the job installs."""
    declared = [*PROJECT["dependencies"]]
    for extra in PROJECT["optional-dependencies"].values():
        declared += [each for each in extra if not each.startswith("cerebras-ext")]
    floors = dict(re.findall(r"^([a-z0-9-]+)>=([\d.]+)", "\n".join(declared), re.MULTILINE))
    pinned = dict(
        re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / PINS[1]).read_text("utf-8"), re.MULTILINE)
    )
    untested = {name for name, floor in floors.items() if not _is_release(pinned[name], floor)}
    assert untested == {"pytest"}  # of which this suite needs a newer one than users' suites do


def _is_release(version: str, floor: str) -> bool:
    """Whether two versions are equal, `2.8` being `2.8.0`."""
    parts = [re.sub(r"(\.0)+$", "", each) for each in (version, floor)]
    return parts[0] == parts[1]


def _bill() -> Any:
    command = [sys.executable, str(ROOT / ".ci" / "sbom.py")]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603


@pytest.fixture(scope="module")
def bill() -> Any:
    """The bill of materials."""
    return _bill()


def test_bill_lists_what_the_project_needs(bill: Any) -> None:
    """Every declared dependency is in it, with all of theirs, and no tool that only tests need."""
    names = {each["name"] for each in bill["components"]}
    declared = "\n".join(sum(PROJECT["optional-dependencies"].values(), PROJECT["dependencies"]))
    assert set(re.findall(r"^([a-z0-9-]+)>=", declared, re.MULTILINE)) <= names
    assert {"pydantic-core", "httpcore", "h11", "anyio"} <= names
    assert not {"mypy", "ruff", "hypothesis", "vcrpy", "cerebras-cloud-sdk"} & names


def test_bill_can_be_followed(bill: Any) -> None:
    """Each component has an address and hashes, and is somebody's dependency."""
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert all(each["hashes"] and each["purl"] == each["bom-ref"] for each in bill["components"])
    wanted = {ref for each in bill["dependencies"] for ref in each["dependsOn"]}
    assert wanted == {each["bom-ref"] for each in bill["components"]}


def test_bill_is_reproducible(bill: Any) -> None:
    """The same pins give the same bytes, serial number and all."""
    assert _bill() == bill


@each_workflow
def test_actions_are_pinned_by_commit(path: Path) -> None:
    """A tag can be moved; a commit cannot."""
    assert [use for use in _uses(path) if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", use)] == []


@each_workflow
def test_workflows_may_only_read(path: Path) -> None:
    """Only the job that publishes may do more, and none runs a stranger's code with rights."""
    workflow = _loaded(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in workflow["triggers"]
    grants = {
        name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job
    }
    allowed = {"publish": {"attestations": "write", "id-token": "write"}}
    assert grants == (allowed if path.stem == "release" else {})


@each_workflow
def test_workflows_hold_no_secret(path: Path) -> None:
    """§9.3: releases go out by trusted publishing; nothing else needs a password either."""
    assert "secrets." not in path.read_text(encoding="utf-8")


def test_ci_runs_what_the_contract_asks_for() -> None:
    """§9.3: pins with hashes, the oldest versions, and httpx2 as substrate."""
    runs = [
        step["run"]
        for job in _loaded(ROOT / ".github/workflows/ci.yml")["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    assert {
        "make test",
        "make check",
        "make demo",
        "make test PINS=lowest VENV=.venv-lowest",
    } <= set(runs)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--require-hashes" in makefile
    assert {"httpx", "httpx2"} == set(re.findall(r"CEREBRAS_EXT_HTTP=(\S+)", makefile))


@pytest.mark.parametrize(
    "promise", ["Report a vulnerability", "working days", "Supported versions"]
)
def test_security_policy_says_how_and_when(promise: str) -> None:
    """§9.4: private reporting, supported versions, response times."""
    assert promise in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
