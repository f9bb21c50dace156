"""Reliability contract §1.5, §1.8: nothing is asked of an address that came from elsewhere."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.llms import AudioBlock, ChatMessage, DocumentBlock, ImageBlock

from cerebras_ext import CerebrasClient, CerebrasError, StatusError
from langchain_cerebras_ext import ChatCerebras
from llama_index_cerebras_ext import Cerebras

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cerebras_ext.emulator.server import RunningEmulator

MODEL = "qwen-3.8-27b"
KEY = "csk-test-1"


@pytest.fixture
def elsewhere() -> Iterator[Any]:
    """A port that notes whether anybody connects."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def _is_untouched(listener: socket.socket) -> bool:
    with suppress(BlockingIOError):
        listener.accept()[0].close()
        return False
    return True


def _langchain(*content: dict[str, Any]) -> Callable[[str], Any]:
    def ask(base_url: str) -> Any:
        model = ChatCerebras(model=MODEL, api_key=KEY, base_url=base_url)
        return model.invoke([HumanMessage(list(content))])

    return ask


def _langchain_tool(schema: dict[str, Any]) -> Callable[[str], Any]:
    def ask(base_url: str) -> Any:
        model = ChatCerebras(model=MODEL, api_key=KEY, base_url=base_url)
        tool = {"name": "greet", "description": "Greets.", "parameters": schema}
        return model.bind_tools([tool], strict=True).invoke("Hi")

    return ask


def _llama_index(*blocks: Any) -> Callable[[str], Any]:
    def ask(base_url: str) -> Any:
        llm = Cerebras(model=MODEL, api_key=KEY, base_url=base_url)
        return llm.chat([ChatMessage(role="user", blocks=list(blocks))])

    return ask


def _asks(url: str) -> dict[str, Callable[[str], Any]]:
    reference = {"type": "object", "properties": {"x": {"$ref": f"{url}#/y"}}}
    return {
        "image_url": _langchain({"type": "image_url", "image_url": {"url": url}}),
        "image block": _langchain({"type": "image", "url": url, "mime_type": "image/png"}),
        "file block": _langchain({"type": "file", "url": url, "mime_type": "application/pdf"}),
        "audio block": _langchain({"type": "audio", "url": url, "mime_type": "audio/wav"}),
        "schema": _langchain_tool(reference),
        "ImageBlock": _llama_index(ImageBlock(url=url)),
        "DocumentBlock": _llama_index(DocumentBlock(url=url)),
        "AudioBlock": _llama_index(AudioBlock(url=url)),
    }


@pytest.mark.parametrize("name", _asks("http://127.0.0.1:9/x.png"))
def test_addresses_in_requests_are_not_visited(
    name: str, elsewhere: socket.socket, emulator: RunningEmulator
) -> None:
    """§1.8: pictures, documents and schemas elsewhere are refused or sent as they are."""
    url = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/x.png"
    with suppress(CerebrasError):
        _asks(url)[name](emulator.base_url)
    assert _is_untouched(elsewhere)


def test_redirects_are_not_followed(elsewhere: socket.socket, emulator: RunningEmulator) -> None:
    """§1.5: the error names the host alone; the key goes nowhere."""
    url = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/x?token=7"
    emulator.script({"fault": f"redirect:{url}"})
    with (
        CerebrasClient(api_key=KEY, base_url=emulator.base_url) as client,
        pytest.raises(StatusError, match=r"redirected to 127\.0\.0\.1;") as caught,
    ):
        client.chat(model=MODEL, messages=[{"role": "user", "content": "Hi"}])
    assert "token" not in str(caught.value)
    assert _is_untouched(elsewhere)
