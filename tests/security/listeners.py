"""Listeners that keep everything they are told."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from langchain_core.tracers.base import BaseTracer
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler

if TYPE_CHECKING:
    from collections.abc import Generator


class LangChainListener(BaseTracer):
    """What LangChain tells callbacks and tracers: inputs, parameters, tags, outputs, errors."""

    def __init__(self, told: list[str]) -> None:
        super().__init__()
        self.told = told

    def _persist_run(self, run: Any) -> None:
        self.told.append(repr(run) + repr(vars(run)))

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> Any:
        self.told.append(repr((args, kwargs)))
        return super().on_chat_model_start(*args, **kwargs)

    def on_llm_start(self, *args: Any, **kwargs: Any) -> Any:
        self.told.append(repr((args, kwargs)))
        return super().on_llm_start(*args, **kwargs)

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> Any:
        self.told.append(repr((error, vars(error), kwargs)))
        return super().on_llm_error(error, **kwargs)


class SpanListener(BaseSpanHandler[Any]):
    """What LlamaIndex tells about spans: instances, arguments, results, errors."""

    told: ClassVar[list[str]] = []

    def new_span(self, *args: Any, **kwargs: Any) -> None:
        self.told.append(repr((args, kwargs)))

    def prepare_to_exit_span(self, *args: Any, **kwargs: Any) -> None:
        self.told.append(repr((args, kwargs)))

    def prepare_to_drop_span(self, *args: Any, **kwargs: Any) -> None:
        self.told.append(repr((args, kwargs)))


class EventListener(BaseEventHandler):
    """What LlamaIndex tells about events."""

    told: ClassVar[list[str]] = []

    def handle(self, event: Any, **_: Any) -> None:
        self.told.append(repr(event) + repr(event.model_dump()))


class LogListener(logging.Handler):
    """Every log record: its message, its arguments, and the exception with it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        formatter = logging.Formatter()
        error = formatter.formatException(record.exc_info) if record.exc_info else ""
        self.told.append(f"{record.name}: {record.getMessage()} {record.args!r} {error}")


@contextmanager
def listening_to_llama_index() -> Generator[list[str]]:
    """Everything that LlamaIndex tells about spans and events."""
    spans, events, root = SpanListener(), EventListener(), get_dispatcher()
    SpanListener.told.clear()
    EventListener.told.clear()
    root.add_span_handler(spans)
    root.add_event_handler(events)
    told: list[str] = []
    try:
        yield told
    finally:
        root.span_handlers.remove(spans)
        root.event_handlers.remove(events)
        told += SpanListener.told + EventListener.told


@contextmanager
def listening_to_logs() -> Generator[list[str]]:
    """Everything that any logger says, at every level."""
    root, listener = logging.getLogger(), LogListener()
    loggers = [
        each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger)
    ]
    levels = [(each, each.level, each.propagate) for each in (root, *loggers)]
    root.addHandler(listener)
    try:
        for each in (root, *loggers):
            each.setLevel(logging.DEBUG)
            each.propagate = True
        yield listener.told
    finally:
        root.removeHandler(listener)
        for each, level, propagates in levels:
            each.setLevel(level)
            each.propagate = propagates


@contextmanager
def listening_to_warnings() -> Generator[list[str]]:
    """Everything that is warned of."""
    told: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield told
        finally:
            told += [f"{each.message} {each.source!r}" for each in caught]
