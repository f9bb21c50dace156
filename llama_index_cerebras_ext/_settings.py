"""The settings of a model: fields, key, copies, and the clients they lead to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any, Self, cast

from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
    field_serializer,
    field_validator,
    model_validator,
)

from cerebras_ext.config import ClientConfig, Timeouts
from cerebras_ext.endpoint import check_http_client
from cerebras_ext.errors import ConfigError
from cerebras_ext.held_clients import HeldClients
from cerebras_ext.retry import RetryPolicy
from cerebras_ext.secrets import API_KEY_VARIABLE, find_key
from cerebras_ext.wire import JsonObject, ReasoningEffort, ReasoningFormat, ServiceTier
from llama_index_cerebras_ext._keywords import fields_given
from llama_index_cerebras_ext._metadata import facts_with, metadata_of, warn_if_unknown

if TYPE_CHECKING:
    from types import TracebackType

    from llama_index.core.base.llms.types import LLMMetadata

    from cerebras_ext.aclient import AsyncCerebrasClient
    from cerebras_ext.catalog import ModelFacts
    from cerebras_ext.client import CerebrasClient

__all__ = ["CerebrasSettings"]

_LOADING = object()
"""Validation context of a model that comes out of a pickle: its key may be missing."""

_of_config = itemgetter(
    *("allow_insecure_http", "base_url", "default_headers", "max_retries", "merge_deltas"),
    *("paces_requests", "retries_queue_exceeded", "timeout"),
)
"""The fields that `_config` reads, the key aside."""

_REQUEST_FIELDS = (
    "temperature",
    "top_p",
    "max_tokens",
    "seed",
    "stop",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
    "reasoning_format",
    "clear_thinking",
    "service_tier",
    "prompt_cache_key",
    "user",
)

_MAXIMUM_NAMES = ("max_tokens", "max_completion_tokens")

_SECRET_HEADER = re.compile(r"auth|cookie|credential|key|password|secret|session|token", re.I)

_LIVE_OBJECTS = ("callback_manager", "rate_limiter", "http_client", "async_http_client")
"""Fields that hold no data; a copy shares them with its original."""

FactValue = bool | int | float | str | tuple[str, ...] | frozenset[str] | None
NOT_DATA = WithJsonSchema({"type": "null"})
ApiKeyField = Annotated[
    SecretStr | Callable[[], str] | None, WithJsonSchema({"type": "string", "writeOnly": True})
]


class CerebrasSettings(FunctionCallingLLM):
    """Settings of a Cerebras model. Use `Cerebras`, which adds what a model can do."""

    # Nobody makes one of these, so pydantic need not build it; `Cerebras` is built at once.
    model_config = ConfigDict(hide_input_in_errors=True, defer_build=True)

    model: str = Field(description="Model id, e.g. 'gpt-oss-120b'.", min_length=1)
    api_key: ApiKeyField = Field(
        default=None,
        description=f"Key, or a function that gives it at each call; else {API_KEY_VARIABLE}.",
        exclude=True,
        repr=False,
    )
    base_url: str | None = Field(
        default=None,
        description="Address of the service, with or without /v1; else CEREBRAS_BASE_URL.",
    )

    temperature: float | None = Field(
        default=None, ge=0, le=2, description="Randomness; the model's own when not set."
    )
    top_p: float | None = Field(default=None, ge=0, le=1, description="Nucleus sampling.")
    max_tokens: int | None = Field(
        default=None, ge=1, description="Most tokens of an answer, reasoning included."
    )
    seed: int | None = Field(default=None, description="For repeatable sampling, best effort.")
    stop: str | list[str] | None = Field(default=None, description="Texts that end an answer.")
    frequency_penalty: float | None = Field(
        default=None, ge=-2, le=2, description="Against repeating tokens often."
    )
    presence_penalty: float | None = Field(
        default=None, ge=-2, le=2, description="Against repeating tokens at all."
    )
    logit_bias: dict[str, float] | None = Field(
        default=None, description="Biases from -100 to 100 by token id."
    )
    logprobs: bool | None = Field(
        default=None, description="Whether answers carry log probabilities."
    )
    top_logprobs: int | None = Field(
        default=None, ge=0, le=20, description="Alternatives for each token; needs logprobs."
    )
    reasoning_effort: ReasoningEffort | None = Field(
        default=None, description="How much the model thinks; which values it takes, it decides."
    )
    reasoning_format: ReasoningFormat | None = Field(
        default=None, description="Where reasoning goes; the model's own way when not set."
    )
    clear_thinking: bool | None = Field(
        default=None, description="Whether the service drops reasoning of earlier turns."
    )
    service_tier: ServiceTier | None = Field(default=None, description="Priority of requests.")
    prompt_cache_key: str | None = Field(
        default=None, max_length=1024, description="Routes equal prompts to one cache."
    )
    user: str | None = Field(default=None, description="Your user's id, for abuse monitoring.")
    additional_kwargs: dict[str, Any] = Field(
        default_factory=dict, description="Further fields of every request."
    )

    strict: bool = Field(
        default=False, description="Whether tool arguments are held to their schemas."
    )
    replay_reasoning: bool = Field(
        default=True, description="Whether earlier reasoning goes back to the model."
    )
    keep_reasoning: bool = Field(
        default=False,
        description="Whether `additional_kwargs` of messages hold the reasoning as well, for "
        "streaming chat engines, which forget the block.",
    )
    is_chat_model: bool = Field(
        default=True, description="False sends everything to the text completion endpoint."
    )
    is_function_calling_model: bool | None = Field(
        default=None, description="Whether to use tools; the catalogue's answer when not set."
    )
    context_window: int | None = Field(
        default=None, ge=1, description="Tokens that fit; the catalogue's free tier when not set."
    )
    catalog_overrides: dict[str, FactValue] = Field(
        default_factory=dict, description="Facts of the model that you know better."
    )

    max_retries: int = Field(default=2, ge=0, description="Retries after the first attempt.")
    retries_queue_exceeded: bool = Field(
        default=False, description="Whether to retry when the service is over capacity."
    )
    paces_requests: bool = Field(
        default=False, description="Whether calls wait for room in the rate limits."
    )
    timeout: float | Timeouts | None = Field(
        default=None, description="Seconds for a whole call, or cerebras_ext Timeouts."
    )
    default_headers: dict[str, str] = Field(
        default_factory=dict, description="Headers of every request.", repr=False
    )
    merge_deltas: bool = Field(
        default=True, description="Whether stream deltas that arrive together become one item."
    )
    allow_insecure_http: bool = Field(
        default=False, description="Whether http:// may leave this machine."
    )
    pickle_secret: bool = Field(default=False, description="Whether pickles hold the key.")
    http_client: Annotated[Any, NOT_DATA] = Field(
        default=None,
        description="An httpx client to use; it stays yours to close.",
        exclude=True,
        repr=False,
    )
    async_http_client: Annotated[Any, NOT_DATA] = Field(
        default=None,
        description="An httpx async client to use; it stays yours to close.",
        exclude=True,
        repr=False,
    )

    _clients: HeldClients = PrivateAttr(default_factory=HeldClients)

    @model_validator(mode="before")
    @classmethod
    def _read_keywords(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return fields_given(cast("Mapping[str, Any]", given), cls.model_fields, owner=cls.__name__)

    @field_validator("timeout", mode="before")
    @classmethod
    def _read_timeout(cls, given: Any) -> Any:
        if given is None or isinstance(given, int | float | dict):
            return cast("object", given)
        return Timeouts.of(given)

    @model_validator(mode="after")
    def _resolve(self, info: ValidationInfo) -> Self:
        check_http_client(self.http_client, is_async=False)
        check_http_client(self.async_http_client, is_async=True, name="async_http_client")
        if info.context is not _LOADING:
            resolved = self._config().resolved()
            self.api_key = resolved.api_key
            self.base_url = resolved.base_url
        _ = self._facts  # which finds mistakes in catalog_overrides
        if self.context_window is None and "context_window" not in self.catalog_overrides:
            warn_if_unknown(self.model)
        return self

    @classmethod
    def class_name(cls) -> str:
        """The type tag in dumps, events and traces."""
        return "CerebrasExt"

    @property
    def metadata(self) -> LLMMetadata:
        """What core plans prompts by; from the catalogue unless a field says otherwise."""
        return metadata_of(
            self.model,
            self._facts,
            temperature=self.temperature,
            max_tokens=self._most_tokens,
            is_chat_model=self.is_chat_model,
            calls_functions=self.is_function_calling_model,
        )

    @property
    def _most_tokens(self) -> int | None:
        """The maximum that requests carry: under whichever name, and `additional_kwargs` win."""
        maxima = [v for n, v in self.additional_kwargs.items() if n in _MAXIMUM_NAMES]
        return maxima[-1] if maxima else self.max_tokens

    @property
    def _facts(self) -> ModelFacts:
        window = {} if self.context_window is None else {"context_window": self.context_window}
        return facts_with(self.model, {**self.catalog_overrides, **window})

    def _facts_for(self, model: object) -> ModelFacts:
        """The facts of a call's model; what was said of this one holds for no other."""
        if isinstance(model, str) and model != self.model:
            return facts_with(model, {})
        return self._facts

    def to_payload(self) -> dict[str, Any]:
        """What events and traces show of this model: its metadata and its request settings."""
        return {**super().to_payload(), "model": self.model, **self._request_fields()}

    def _request_fields(self) -> JsonObject:
        """The request fields that are set."""
        given = {name: getattr(self, name) for name in _REQUEST_FIELDS}
        return {name: value for name, value in given.items() if value is not None}

    @field_serializer("default_headers")
    def _visible_headers(self, headers: dict[str, str]) -> dict[str, str]:
        """The headers whose names do not sound like a secret."""
        return {name: value for name, value in headers.items() if not _SECRET_HEADER.search(name)}

    def __copy__(self) -> Self:
        """A copy with clients of its own to come."""
        copy = super().__copy__()
        copy._clients = HeldClients()
        return copy

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A deep copy that shares live objects, such as a rate limiter, with its original."""
        memo = {} if memo is None else memo
        for name in _LIVE_OBJECTS:
            live = getattr(self, name)
            memo[id(live)] = live
        memo[id(self._clients)] = HeldClients()
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        """The fields without clients and, unless `pickle_secret` says otherwise, without secrets.

        Core drops what does not pickle from the very object it is given, so it gets a copy.
        """
        update: dict[str, Any] = {"http_client": None, "async_http_client": None}
        if not self.pickle_secret:
            update["api_key"] = None
            update["default_headers"] = self._visible_headers(self.default_headers)
        bare = self.model_copy(update=update)
        object.__setattr__(bare, "__pydantic_private__", None)  # clients, which do not pickle
        return super(CerebrasSettings, bare).__getstate__()

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Fills an object that comes out of a pickle; its key may be missing until a call."""
        self.__pydantic_validator__.validate_python(
            state["__dict__"], self_instance=self, context=_LOADING
        )

    def close(self) -> None:
        """Gives the connections up; a later call opens new ones."""
        self._clients.close()

    async def aclose(self) -> None:
        """Gives the async connections up; a later call opens new ones."""
        await self._clients.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def warm_up(self) -> None:
        """Opens a connection and loads what calls need, so that the first call need not."""
        _load_what_calls_need()
        self._client().warm_up()

    async def awarm_up(self) -> None:
        """As `warm_up`, for calls on the running event loop."""
        _load_what_calls_need()
        await self._async_client().warm_up()

    def _client(self) -> CerebrasClient:
        return self._clients.sync_client(self._keyed_config(), self.http_client)

    def _async_client(self) -> AsyncCerebrasClient:
        return self._clients.async_client(self._keyed_config(), self.async_http_client)

    def _config(self) -> ClientConfig:
        return ClientConfig(
            api_key=self.api_key,
            base_url=self.base_url,
            timeout=Timeouts.of(self.timeout),
            retry=RetryPolicy(self.max_retries, retries_queue_exceeded=self.retries_queue_exceeded),
            default_headers=tuple(sorted(self.default_headers.items())),
            merge_deltas=self.merge_deltas,
            paces_requests=self.paces_requests,
            allow_insecure_http=self.allow_insecure_http,
        )

    def _keyed_config(self) -> ClientConfig:
        """The client's settings; a model that was loaded without its key looks for one now."""
        if self.api_key is None:
            self.api_key = find_key(None)
        if self.api_key is None:
            raise ConfigError(
                "no API key: this model was loaded without one; set the environment variable "
                f"{API_KEY_VARIABLE} here, or pickle the model with pickle_secret=True"
            )
        return self._clients.config((self.api_key, *_of_config(vars(self))), self._config)


def _load_what_calls_need() -> None:
    for module in ("_render", "_request"):
        import_module(f"llama_index_cerebras_ext.{module}")
