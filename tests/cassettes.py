"""Cassettes: recorded HTTP exchanges that tests replay, as YAML a reader can follow.

A cassette says in its first lines where it was recorded. JSON bodies stand as YAML structure, event
streams as text. Headers are kept by allow-list, and the host is the public service's whichever
server answered: a recording from the emulator and one from the service differ in content only.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest
    from vcr.request import Request

    from cerebras_ext.emulator import RunningEmulator

CASSETTES_DIR = Path(__file__).resolve().parents[1] / "cassettes"
PUBLIC_URL = "https://api.cerebras.ai"
REPLAY_KEY = "csk-replay"

KEPT_REQUEST_HEADERS = frozenset({"accept", "content-encoding", "content-type"})
KEPT_RESPONSE_HEADERS = re.compile(
    r"content-type|inference-id|retry-after(-ms)?|x-request-id|x-should-retry|x-ratelimit-[a-z-]+"
)
KEY_LIKE = re.compile(r"\b(csk|sk|hf|ghp|xox[a-z])[-_][A-Za-z0-9_-]{16,}|[Bb]earer\s+\S+")


DRAWN_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class RecordedService:
    """Where a test sends its requests: the service, the emulator, or a cassette in their place."""

    base_url: str
    api_key: str
    name: str
    emulator: RunningEmulator | None = None


@contextmanager
def recorded_service(record_mode: str) -> Iterator[RecordedService]:
    """The server to record from, or the stand-in for one when recordings are only replayed."""
    key = os.environ.get("CEREBRAS_API_KEY")
    if record_mode == "none":
        yield RecordedService(PUBLIC_URL, REPLAY_KEY, "a recording")
    elif key:
        url = os.environ.get("CEREBRAS_BASE_URL", PUBLIC_URL)
        yield RecordedService(url, key, "the Cerebras service")
    else:
        from cerebras_ext.catalog import all_models
        from cerebras_ext.emulator import EmulatorOptions, running_emulator

        options = EmulatorOptions(models=[row.id for row in all_models()])
        with running_emulator(options) as emulator:
            name = "the emulator of this project"
            yield RecordedService(emulator.base_url, REPLAY_KEY, name, emulator)


def vcr_settings(service: RecordedService) -> dict[str, Any]:
    """How cassettes are recorded, written and matched."""
    return {
        "serializer": "yaml",
        "match_on": ["method", "scheme", "host", "port", "path", "query", "json_body"],
        "before_record_request": _public_request,
        "before_record_response": _kept_response,
        "allow_playback_repeats": False,
        "decode_compressed_response": True,
        "custom_patches": (),
    }


class CassetteSerializer:
    """Writes and reads cassettes; registered in place of vcrpy's own for `yaml`."""

    def __init__(self, source: str) -> None:
        self._source = source

    def serialize(self, cassette: dict[str, Any]) -> str:
        """The text of a cassette."""
        interactions = [
            {
                "request": _shown_request(each["request"]),
                "response": _shown_response(each["response"]),
            }
            for each in cassette["interactions"]
        ]
        today = dt.datetime.now(dt.UTC).date().isoformat()
        text = yaml.dump(
            {"version": cassette["version"], "interactions": interactions},
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            width=120,
        )
        return f"# Recorded from {self._source}, {today}.\n# Hand edits: none.\n{text}"

    def deserialize(self, text: str) -> dict[str, Any]:
        """What vcrpy replays."""
        cassette = yaml.safe_load(text)
        for each in cassette["interactions"]:
            request, response = each["request"], each["response"]
            request["body"] = _wire_text(request["body"])
            response["body"] = {"string": _wire_text(response["body"])}
        return dict(cassette)


def match_json_body(one: Request, other: Request) -> None:
    """A matcher: equal JSON, apart from ids that a framework draws anew in each run."""
    assert _comparable(one.body) == _comparable(other.body)


def _comparable(body: str | bytes | None) -> Any:
    if body is None:
        return None
    text = body.decode() if isinstance(body, bytes) else body
    numbers: dict[str, str] = {}
    return json.loads(DRAWN_ID.sub(lambda m: numbers.setdefault(m[0], f"id-{len(numbers)}"), text))


def cassette_path(item_module: str, class_name: str | None, test_name: str) -> Path:
    """Where a test's cassette is; the module's name leads, so that a folder holds one module's."""
    name = f"{class_name}.{test_name}" if class_name else test_name
    return CASSETTES_DIR / item_module / (re.sub(r"[^\w.\[\]=-]+", "_", name) + ".yaml")


def check_all_played(request: pytest.FixtureRequest, cassette: Any) -> None:
    """Fails a replayed test that did not need all that was recorded for it."""
    if cassette is None or cassette.record_mode.value != "none":
        return
    assert cassette.all_played, f"{request.node.nodeid} left recorded exchanges unused"


def _public_request(request: Request) -> Request:
    parts = urlsplit(request.uri)
    public = urlsplit(PUBLIC_URL)
    request.uri = urlunsplit((public.scheme, public.netloc, parts.path, parts.query, ""))
    request.headers = {
        name: value
        for name, value in request.headers.items()
        if name.lower() in KEPT_REQUEST_HEADERS
    }
    return request


def _kept_response(response: dict[str, Any]) -> dict[str, Any]:
    headers = {
        name.lower(): values
        for name, values in response["headers"].items()
        if KEPT_RESPONSE_HEADERS.fullmatch(name.lower())
    }
    return {**response, "headers": headers}


def _shown_request(request: dict[str, Any]) -> dict[str, Any]:
    return {**request, "body": _structure(request["body"])}


def _shown_response(response: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": response["status"],
        "headers": response["headers"],
        "body": _structure(response["body"]["string"]),
    }


def _structure(text: str | bytes | None) -> Any:
    """A body as YAML shows it: parsed when it is JSON, else as it is."""
    if text is None:
        return None
    if isinstance(text, bytes):
        text = text.decode()
    try:
        return {"json": json.loads(text)}
    except ValueError:
        return {"text": text}


def _wire_text(shown: Any) -> str | None:
    if shown is None:
        return None
    if "json" in shown:
        return json.dumps(shown["json"], ensure_ascii=False, separators=(",", ":"))
    text: str = shown["text"]
    return text


class _Dumper(yaml.SafeDumper):
    """Writes long texts as blocks, line by line."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
