"""What both clients share: settings, requests, plans. Everything but sending and waiting."""

from __future__ import annotations

import inspect
import os
import platform
import random
import secrets
import time
import warnings
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from pydantic import SecretStr

from cerebras_ext._assemble import ChatAssembler
from cerebras_ext._assemble_text import TextAssembler
from cerebras_ext._paced import paced_flow
from cerebras_ext._version import __version__
from cerebras_ext.body import ACCEPT_ENCODING
from cerebras_ext.catalog import facts_of
from cerebras_ext.config import CallOptions, ClientConfig, Timeouts
from cerebras_ext.endpoint import check_headers
from cerebras_ext.errors import ConfigError
from cerebras_ext.flow import (
    CallFlow,
    CallPlan,
    Clock,
    Expected,
    OpenedStream,
    StreamReply,
    WholeReply,
    call_flow,
)
from cerebras_ext.pacing import Quota
from cerebras_ext.reply import ChatCompletion, Model, ModelList, ServiceReply, TextCompletion
from cerebras_ext.request import CHAT, TEXT, ApiCall, Encoding, Endpoint, build_call, get_call
from cerebras_ext.retry import RetryBudget
from cerebras_ext.stream import StreamReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cerebras_ext._assemble import Assembler
    from cerebras_ext.deltas import ChatDelta, CompletionDelta
    from cerebras_ext.reply import ResponseMeta
    from cerebras_ext.secrets import ApiKey
    from cerebras_ext.wire import ModelListFormat

__all__ = ["Calls", "config_of"]

Result = TypeVar("Result")
Delta = TypeVar("Delta")

_USER_AGENT = f"cerebras-ext/{__version__} python/{platform.python_version()}"
_REQUEST_ID = "x-client-request-id"  # users may give their own
_LIST_FORMATS = ("default", "openrouter", "huggingface")
_NO_OPTIONS = CallOptions()
_OUR_PACKAGES = ("cerebras_ext", "langchain_cerebras_ext", "llama_index_cerebras_ext")


class Calls:
    """Makes the flow of each call from its arguments, under one client's settings."""

    def __init__(self, config: ClientConfig) -> None:
        """Looks the key and the address up and checks all settings.

        Raises:
            ConfigError: Something cannot work.
        """
        self.config = config.resolved()
        self.clock = Clock(time.monotonic, time.time)
        self._budget = RetryBudget()
        self._rng = random.Random()  # noqa: S311 - spreads retries, protects nothing
        self._encoding = Encoding(self.config.gzip_above_bytes, self.config.uses_msgpack)
        self._warned_models: set[str] = set()
        self._quotas: dict[tuple[int, str], Quota] = {}
        self._fixed_headers = {
            "user-agent": _USER_AGENT,
            "accept-encoding": ACCEPT_ENCODING,
            "x-cerebras-3rd-party-integration": "cerebras-ext",
            **dict(self.config.default_headers),
        }

    def chat(
        self, fields: Mapping[str, Any], options: CallOptions | None
    ) -> CallFlow[ChatCompletion]:
        """A whole chat completion."""
        return self._whole(CHAT, fields, options, ChatCompletion)

    def complete(
        self, fields: Mapping[str, Any], options: CallOptions | None
    ) -> CallFlow[TextCompletion]:
        """A whole text completion."""
        return self._whole(TEXT, fields, options, TextCompletion)

    def stream_chat(
        self, fields: Mapping[str, Any], options: CallOptions | None
    ) -> CallFlow[OpenedStream[ChatDelta]]:
        """A streamed chat completion."""
        call = self._completion(CHAT, fields, options, is_stream=True)
        return self._streamed(call, partial(ChatAssembler, n_choices=call.n_choices), options)

    def stream_complete(
        self, fields: Mapping[str, Any], options: CallOptions | None
    ) -> CallFlow[OpenedStream[CompletionDelta]]:
        """A streamed text completion."""
        call = self._completion(TEXT, fields, options, is_stream=True)
        return self._streamed(call, partial(TextAssembler, n_choices=call.n_choices), options)

    def models(
        self, list_format: ModelListFormat, options: CallOptions | None, *, is_public: bool
    ) -> CallFlow[ModelList]:
        """A list of models."""
        call = get_call(
            _models_path(list_format, None, is_public), "model list", needs_key=not is_public
        )
        return self._flow(call, WholeReply(ModelList), options)

    def model(
        self,
        model_id: str,
        list_format: ModelListFormat,
        options: CallOptions | None,
        *,
        is_public: bool,
    ) -> CallFlow[Model]:
        """One model's description."""
        path = _models_path(list_format, model_id, is_public)
        call = get_call(path, f"description of model {model_id!r}", needs_key=not is_public)
        return self._flow(call, WholeReply(Model), options)

    def warm_up(self, options: CallOptions | None) -> CallFlow[ServiceReply]:
        """A request that only opens a connection."""
        return self._flow(get_call("/v1/tcp_warming", "warm-up"), WholeReply(ServiceReply), options)

    def _whole(
        self,
        endpoint: Endpoint,
        fields: Mapping[str, Any],
        options: CallOptions | None,
        kind: type[Any],
    ) -> CallFlow[Any]:
        call = self._completion(endpoint, fields, options, is_stream=False)
        return self._flow(call, WholeReply(kind), options)

    def _streamed(
        self,
        call: ApiCall,
        assembler: Callable[[ResponseMeta], Assembler[Delta]],
        options: CallOptions | None,
    ) -> CallFlow[OpenedStream[Delta]]:
        merges = self._merges(options)
        on_ignored = options.on_ignored if options else None

        def open_reader(meta: ResponseMeta) -> StreamReader[Delta]:
            return StreamReader(assembler(meta), merges=merges, on_ignored=on_ignored)

        return self._flow(call, StreamReply(open_reader), options)

    def _completion(
        self,
        endpoint: Endpoint,
        fields: Mapping[str, Any],
        options: CallOptions | None,
        *,
        is_stream: bool,
    ) -> ApiCall:
        call = build_call(
            endpoint,
            fields,
            is_stream=is_stream,
            extra_body=options.extra_body if options else None,
            encoding=self._encoding,
        )
        self._warn_if_retired(fields["model"])
        return call

    def _merges(self, options: CallOptions | None) -> bool:
        chosen = options.merge_deltas if options else None
        return self.config.merge_deltas if chosen is None else chosen

    def _flow(
        self, call: ApiCall, expected: Expected[Result], options: CallOptions | None
    ) -> CallFlow[Result]:
        given = options or _NO_OPTIONS
        retry = self.config.retry
        if given.max_retries is not None:
            retry = replace(retry, max_retries=given.max_retries)
        headers = {**self._fixed_headers}
        if given.extra_headers:
            headers.update(check_headers(given.extra_headers.items()))
        client_request_id = headers.get(_REQUEST_ID) or secrets.token_hex(16)
        headers[_REQUEST_ID] = client_request_id
        if call.needs_key:
            headers["authorization"] = f"Bearer {self.config.current_key()}"
        plan = CallPlan(
            headers=tuple(headers.items()),
            client_request_id=client_request_id,
            address=self.config.base_url or "",
            timeouts=self.config.timeout if given.timeout is None else Timeouts.of(given.timeout),
            retry=retry,
            budget=self._budget,
            clock=self.clock,
            rng=self._rng,
            on_retry=given.on_retry,
        )
        flow = call_flow(call, expected, plan)
        if call.demand is None or not self.config.paces_requests:
            return flow
        # a forked process counts anew: who waits in its parent would never make room in it
        quota = self._quotas.setdefault((os.getpid(), call.demand.model), Quota())
        return paced_flow(flow, call.demand, quota, self.clock)

    def _warn_if_retired(self, model_id: str) -> None:
        if model_id in self._warned_models:
            return
        self._warned_models.add(model_id)
        notice = facts_of(model_id).retirement_notice
        if notice:
            warnings.warn(notice, stacklevel=_level_of_the_user())


def _level_of_the_user() -> int:
    """How many frames above its caller the first one outside of our packages is, for a warning."""
    frame, level = inspect.currentframe(), 0
    while frame and frame.f_globals.get("__name__", "").partition(".")[0] in _OUR_PACKAGES:
        frame, level = frame.f_back, level + 1
    return level


def config_of(
    config: ClientConfig | None,
    api_key: ApiKey | None,
    base_url: str | None,
    timeout: Timeouts | float | None,
    max_retries: int | None,
) -> ClientConfig:
    """The settings with the most used ones given apart."""
    config = config or ClientConfig()
    if api_key is not None:
        config = replace(
            config, api_key=SecretStr(api_key) if isinstance(api_key, str) else api_key
        )
    if base_url is not None:
        config = replace(config, base_url=base_url)
    if timeout is not None:
        config = replace(config, timeout=Timeouts.of(timeout))
    if max_retries is not None:
        config = replace(config, retry=replace(config.retry, max_retries=max_retries))
    return config


def _models_path(list_format: ModelListFormat, model_id: str | None, is_public: bool) -> str:
    if list_format not in _LIST_FORMATS:
        raise ConfigError(
            f"format: {list_format!r} is not known; give one of {', '.join(_LIST_FORMATS)}"
        )
    path = "/public/v1/models" if is_public else "/v1/models"
    if model_id is not None:
        if not model_id or model_id in (".", ".."):
            raise ConfigError("model_id: is empty; give a model's id")
        path += "/" + quote(model_id, safe="")
    return path if list_format == "default" else f"{path}?format={list_format}"
