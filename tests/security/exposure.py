"""A key on its way through everything, and what shows of it (reliability contract §6)."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import traceback
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import cloudpickle
import httpx
import vcr
from langchain_core.load import dumpd, dumps
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from pydantic import BaseModel, SecretStr

from cerebras_ext import AsyncCerebrasClient, CerebrasClient, ClientConfig, ConfigError
from langchain_cerebras_ext import CerebrasLLM, ChatCerebras
from llama_index_cerebras_ext import Cerebras
from tests.cassettes import CassetteSerializer, RecordedService, vcr_settings
from tests.security.listeners import (
    LangChainListener,
    listening_to_llama_index,
    listening_to_logs,
    listening_to_warnings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cerebras_ext.emulator.server import RunningEmulator

CANARY = "CANARY7Q"
MODEL = "gpt-oss-120b"
PROMPT = "Hello"
VARIABLE = "CEREBRAS_API_KEY"

SPELLINGS = {
    "plain": f"csk-{CANARY}-end",
    "newline": f"csk-{CANARY}\nend",
    "CRLF": f"csk-{CANARY}-end\r\nx-injected: 1",
    "spaces": f"  csk-{CANARY}-end ",
    "tab": f"csk-{CANARY}-end\t",
    "non-ASCII": f"csk-{CANARY}-énd",
    "Bearer": f"Bearer csk-{CANARY}-end",
    "percent-encoded": f"csk%2D{CANARY}%0Aend",
    "10 kB": f"csk-{CANARY}" * 850 + "-end",
}

SINKS = (
    "repr",
    "str",
    "model_dump",
    "model_dump_json",
    "to_dict",
    "to_json",
    "dumps",
    "pickle",
    "cloudpickle",
    "deepcopy",
    "logs",
    "warnings",
    "traceback",
    "tracer",
    "spans",
    "cassette",
    "emulator",
)


class Greeting(BaseModel):
    """A greeting."""

    words: str


Texts = dict[str, list[str]]


def exposure(key: str, emulator: RunningEmulator, folder: Path) -> Texts:
    """What each sink shows after a key has been given in every way, and used with every library."""
    told: Texts = defaultdict(list)
    emulator.reset()
    with (
        listening_to_logs() as logs,
        listening_to_warnings() as warned,
        listening_to_llama_index() as spans,
    ):
        for way in (str, SecretStr, _from_environment, _from_function):
            for model in _models(way(key), key, emulator.base_url, told):
                _show(model, told)
                _use(model, emulator, told)
        _record(key, emulator, folder, told)
    told["logs"] += logs
    told["warnings"] += warned
    told["spans"] += spans
    told["emulator"] += [repr(emulator.requests), repr(emulator), repr(emulator.options)]
    told["emulator"] += [line for line in logs if line.startswith("cerebras_ext.emulator")]
    return told


def _from_environment(_: str) -> None:
    """No key is given: it is in the environment."""
    return


def _from_function(key: str) -> Callable[[], str]:
    return lambda: key


def _models(given: Any, key: str, base_url: str, told: Texts) -> Iterator[Any]:
    """One object of each kind that takes a key, if it takes this one."""
    settings: dict[str, Any] = {"base_url": base_url, "api_key": given, "max_retries": 0}
    makers: list[Callable[[], Any]] = [
        lambda: CerebrasClient(**settings),
        lambda: AsyncCerebrasClient(**settings),
        lambda: ChatCerebras(model=MODEL, **settings),
        lambda: CerebrasLLM(model=MODEL, **settings),
        lambda: Cerebras(
            model=MODEL,
            callback_manager=CallbackManager([LlamaDebugHandler(print_trace_on_end=False)]),
            **settings,
        ),
        lambda: ClientConfig(api_key=given).resolved(),
    ]
    for make in makers:
        if given is None:
            os.environ[VARIABLE] = key
        try:
            model = make()
        except Exception as error:  # noqa: BLE001 - of whatever kind, it must not show the key
            _tell(error, told)
        else:
            yield model
        finally:
            os.environ.pop(VARIABLE, None)


def _show(model: Any, told: Texts) -> None:
    """Every form that an object has."""
    shown = [model]
    if isinstance(model, ChatCerebras):
        shown += [model.bind_tools([Greeting]), model.with_structured_output(Greeting)]
    if isinstance(model, Cerebras):
        shown.append(model.as_structured_llm(Greeting))
    told["repr"] += map(repr, shown)
    told["str"] += map(str, shown)
    if isinstance(model, CerebrasClient | AsyncCerebrasClient | ClientConfig):
        return
    told["model_dump"] += [repr(model.model_dump()), repr(model.model_dump(mode="json"))]
    told["model_dump_json"].append(model.model_dump_json())
    told["to_json"].append(repr(model.to_json()))
    told["deepcopy"] += [repr(copy.deepcopy(model)), repr(model.model_copy(deep=True))]
    if isinstance(model, Cerebras):
        told["to_dict"] += [repr(model.to_dict()), repr(model.to_payload())]
    else:
        told["dumps"] += [text for each in shown for text in (dumps(each), repr(dumpd(each)))]
    for each in shown:
        told["cloudpickle"].append(cloudpickle.dumps(each).decode("latin-1"))
        told["pickle"] += [pickle.dumps(each, n).decode("latin-1") for n in range(2, 6)]


def _use(model: Any, emulator: RunningEmulator, told: Texts) -> None:
    """Calls that work, are refused, fail and break off."""
    asks = _asks(model, told)
    answer = {"content": "Hello"}
    for step in (answer, {"status": 401}, {**answer, "fault": "bad-json"}):
        emulator.script({**step, "times": 10})
        for ask in asks:
            try:
                ask()
            except Exception as error:  # noqa: BLE001 - of whatever kind
                _tell(error, told)


def _asks(model: Any, told: Texts) -> list[Callable[[], Any]]:
    request: Any = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}]}
    match model:
        case CerebrasClient():
            return [lambda: model.chat(**request), lambda: list(model.stream_chat(**request))]
        case AsyncCerebrasClient():
            return [lambda: asyncio.run(_read(model, request))]
        case ChatCerebras() | CerebrasLLM():
            config: Any = {
                "callbacks": [LangChainListener(told["tracer"])],
                "tags": ["a"],
                "metadata": {"b": 1},
            }
            return [
                lambda: model.invoke(PROMPT, config),
                lambda: list(model.stream(PROMPT, config)),
                lambda: asyncio.run(model.ainvoke(PROMPT, config)),
            ]
        case Cerebras():
            return [
                lambda: model.complete(PROMPT),
                lambda: list(model.stream_complete(PROMPT)),
                lambda: asyncio.run(model.acomplete(PROMPT)),
            ]
        case _:
            return []


async def _read(client: AsyncCerebrasClient, request: Any) -> None:
    await client.chat(**request)
    async for _ in await client.stream_chat(**request):
        pass


def _tell(error: Exception, told: Texts) -> None:
    told["traceback"] += traceback.format_exception(error)
    told["traceback"].append(repr(vars(error)))
    told["repr"].append(repr(error))
    told["str"].append(str(error))
    told["pickle"].append(pickle.dumps(error).decode("latin-1"))


def _record(key: str, emulator: RunningEmulator, folder: Path, told: Texts) -> None:
    """A cassette of a call, as this project records them."""
    service = RecordedService(emulator.base_url, key, "the emulator of this project")
    settings = {**vcr_settings(service), "match_on": ["method"]}
    recorder = vcr.VCR(cassette_library_dir=str(folder), record_mode="all")
    recorder.register_serializer("yaml", CassetteSerializer(service.name))
    emulator.script("Hello")
    with suppress(ConfigError), httpx.Client() as http:
        client = CerebrasClient(base_url=emulator.base_url, api_key=key, http_client=http)
        with recorder.use_cassette("canary.yaml", **settings):
            client.chat(model=MODEL, messages=[{"role": "user", "content": PROMPT}])
    told["cassette"] += [path.read_text("utf-8") for path in folder.glob("*.yaml")]
