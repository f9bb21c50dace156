"""Prints a software bill of materials: what this project installs with all extras, as pinned.

    python .ci/sbom.py > sbom.cdx.json

CycloneDX 1.6, made from `requirements/test.txt` alone, so that anybody gets the same bytes. Tools
that only tests need are left out.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PINS = ROOT / "requirements" / "test.txt"
OURS = "cerebras-ext"
_PIN = re.compile(
    r"^(?P<name>[a-z0-9._-]+)==(?P<version>[^\s;]+)(?:\s*;\s*(?P<marker>.+?))?\s*\\?$"
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VIA = re.compile(r"^ {4}#(?: via)?\s+(?P<dependent>\S.*)$")


@dataclass(slots=True)
class Pin:
    """One pinned package.

    Attributes:
        marker: Where it is needed, if not everywhere.
        hashes: SHA-256 of each of its files.
        dependents: Who needs it; this project is `OURS`.
    """

    name: str
    version: str
    marker: str | None
    hashes: list[str] = field(default_factory=list)
    dependents: set[str] = field(default_factory=set)

    @property
    def purl(self) -> str:
        """The package's universal address."""
        return f"pkg:pypi/{self.name}@{self.version}"


def read_pins(text: str) -> dict[str, Pin]:
    """The packages that a file of pins names, with who needs them."""
    pins: dict[str, Pin] = {}
    pin: Pin | None = None
    for line in text.splitlines():
        if match := _PIN.match(line):
            pin = pins[match["name"]] = Pin(match["name"], match["version"], match["marker"])
        elif pin is None:
            continue
        elif match := _VIA.match(line):
            pin.dependents.add(match["dependent"].removesuffix(" (pyproject.toml)"))
        else:
            pin.hashes += _HASH.findall(line)
    return pins


def needed(pins: dict[str, Pin]) -> dict[str, Pin]:
    """The packages that this project needs, by way of others or not."""
    found = {OURS}
    while True:
        more = {name for name, pin in pins.items() if pin.dependents & found} - found
        if not more:
            return {name: pins[name] for name in sorted(found - {OURS})}
        found |= more


def bill(pins: dict[str, Pin], version: str) -> dict[str, Any]:
    """The bill of materials."""
    ours = {"type": "library", "name": OURS, "version": version}
    ours["bom-ref"] = ours["purl"] = f"pkg:pypi/{OURS}@{version}"
    parts = needed(pins)
    body = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": ours},
        "components": [_component(pin) for pin in parts.values()],
        "dependencies": [
            {
                "ref": ref,
                "dependsOn": [each.purl for each in parts.values() if by in each.dependents],
            }
            for by, ref in [
                (OURS, ours["purl"]),
                *((pin.name, pin.purl) for pin in parts.values()),
            ]
        ],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(body, sort_keys=True))
    return {"serialNumber": f"urn:uuid:{serial}", **body}


def _component(pin: Pin) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": pin.purl,
        "name": pin.name,
        "version": pin.version,
        "purl": pin.purl,
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in pin.hashes],
    }
    if pin.marker:
        component["properties"] = [{"name": "python:marker", "value": pin.marker}]
    return component


def main() -> None:
    """Prints the bill."""
    version_file = ROOT / "cerebras_ext" / "_version.py"
    (version,) = re.findall(r'"([^"]+)"$', version_file.read_text("utf-8"), re.MULTILINE)
    json.dump(bill(read_pins(PINS.read_text("utf-8")), version), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
