"""What the models share: key, connection, sampling fields, copies and pickles."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cached_property
from importlib import import_module
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cerebras_ext._version import __version__
from cerebras_ext.endpoint import check_headers, check_http_client, find_base_url
from cerebras_ext.secrets import API_KEY_VARIABLE, find_key
from langchain_cerebras_ext._copies import STAYS_BEHIND, Copies
from langchain_cerebras_ext._errors import translated
from langchain_cerebras_ext._names import PROVIDER
from langchain_cerebras_ext._options import OTHER_SPELLINGS, timeouts_of, unknown_option
from langchain_cerebras_ext._profile import warn_if_unknown
from langchain_cerebras_ext._shapes import is_object
from langchain_cerebras_ext._types import TokenBiases
from langchain_cerebras_ext.errors import ConfigError, MissingKey

if TYPE_CHECKING:
    from cerebras_ext.aclient import AsyncCerebrasClient
    from cerebras_ext.catalog import ModelFacts
    from cerebras_ext.client import CerebrasClient
    from cerebras_ext.config import ClientConfig
    from cerebras_ext.held_clients import HeldClients

__all__ = ["CerebrasConnection"]

_of_config = itemgetter(
    *("allow_insecure_http", "base_url", "default_headers", "gzip_above_bytes", "max_connections"),
    *("max_retries", "merge_deltas", "paces_requests", "proxy", "retries_queue_exceeded"),
    *("ssl_context", "timeout"),
)
"""The fields that `_new_config` reads, the key aside."""

_MAX_RETRIES = 2
_CHARS_PER_TOKEN = 4


class CerebrasConnection(Copies, BaseModel):
    """What every model of this package has, to be mixed into LangChain's base classes."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
        extra="forbid",
        populate_by_name=True,
        protected_namespaces=(),
        hide_input_in_errors=True,
        defer_build=True,  # nobody makes one of these; the models below are built at once
    )

    model: str = Field(min_length=1)
    """Id of the model, e.g. `gpt-oss-120b`; sent as given."""
    model_facts: dict[str, Any] | None = None
    """Corrections to the catalogue's row of the model, e.g. `{"context_window": 131_072}` for a
    paid plan.
    """

    temperature: float | None = Field(default=None, ge=0, le=2)
    """0 to 2; the service's default is 1."""
    top_p: float | None = Field(default=None, ge=0, le=1)
    """Nucleus sampling, 0 to 1."""
    max_tokens: int | None = None
    """Most tokens of the answer, reasoning included. Reserved against the token quota, so a small
    one buys throughput.
    """
    min_tokens: int | None = None
    """Fewest tokens of the answer; use at your own risk with gpt-oss."""
    stop: list[str] | None = None
    """Up to four texts that end the answer."""
    seed: int | None = None
    """For answers that repeat, as far as the service can."""
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    """-2 to 2."""
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    """-2 to 2."""
    logit_bias: TokenBiases | None = None
    """Token ids to biases, -100 to 100."""
    prompt_cache_key: str | None = None
    """Steers requests with equal prefixes to one cache, where the account has it enabled."""
    user: str | None = None
    """Your user's id, for abuse monitoring."""
    extra_body: dict[str, Any] | None = None
    """Request fields that this package does not know yet; sent as they are."""

    api_key: SecretStr | Callable[[], str] | None = Field(default=None, exclude=True)
    """The key, or a function that gives the current one; else `CEREBRAS_API_KEY` is read at
    construction.
    """
    pickle_secret: bool = False
    """Whether pickles hold the key, `default_headers`, and a proxy with a password.

    Off: a copy in another process reads the key from its own environment.
    """
    allow_insecure_http: bool = False
    """Whether `http://` is allowed for hosts other than this machine."""
    base_url: str | None = None
    """Address of the service, with or without `/v1`; else `CEREBRAS_BASE_URL`, else the public
    service.
    """
    timeout: float | dict[str, float | None] | None = None
    """Seconds for a whole call; or a dict with any of `connect_s`, `read_s`, `write_s`, `pool_s`,
    `total_s`.
    """
    max_retries: int | None = Field(default=_MAX_RETRIES, ge=0)
    """Retries after the first attempt, before anything was handed over; None is the default.
    LangChain's own retries come on top.
    """
    retries_queue_exceeded: bool = False
    """Whether capacity refusals are retried although the service says not to; most clear within a
    second.
    """
    paces_requests: bool = False
    """Whether calls wait, at most until their deadline, for room in the rate limits that replies
    reported. Models with equal settings share the count; `rate_limiter` is separate.
    """
    default_headers: dict[str, str] | None = Field(default=None, exclude=True, repr=False)
    """Headers of every request."""
    proxy: str | None = Field(default=None, exclude=True, repr=False)
    """URL of a proxy; None uses the environment's."""
    ssl_context: Any = Field(default=None, exclude=True, repr=False)
    """An `ssl.SSLContext`, for private certificate authorities and client certificates."""
    max_connections: int | None = Field(default=1_000, ge=1)
    """Most connections at once."""
    gzip_above_bytes: int | None = Field(default=None, ge=0)
    """Compress requests from this size on; pays on slow links from about 32 KiB."""
    merge_deltas: bool = True
    """Whether stream deltas that arrived together become one chunk; off for those who count
    chunks.
    """
    http_client: Any = Field(default=None, exclude=True, repr=False)
    """An `httpx` or `httpx2` client to send with; never closed here."""
    http_async_client: Any = Field(default=None, exclude=True, repr=False)
    """An async client of `httpx` or `httpx2` to send with; never closed here, and bound to its
    event loop.
    """

    @model_validator(mode="before")
    @classmethod
    def _known_names_only(cls, values: Any) -> Any:
        if not is_object(values):
            return values
        ours: dict[str, Any] = {}
        for name, value in values.items():
            own_name = OTHER_SPELLINGS.get(name, name)
            if own_name not in cls.model_fields:
                raise unknown_option(name, cls.model_fields, where=cls.__name__)
            if own_name in ours:
                raise ConfigError(f"{name} and {own_name} are one option; give one of them")
            ours[own_name] = value
        return ours

    @field_validator("stop", mode="before")
    @classmethod
    def _one_stop_is_a_list(cls, stop: Any) -> Any:
        return [stop] if isinstance(stop, str) else stop

    @field_validator("timeout", mode="before")
    @classmethod
    def _plain_timeout(cls, timeout: Any) -> Any:
        with translated():
            limits = timeouts_of(timeout)
        is_plain = timeout is None or isinstance(timeout, int | float) or is_object(timeout)
        return timeout if is_plain else asdict(limits)

    @field_validator("api_key", mode="after")
    @classmethod
    def _usable_key(cls, key: SecretStr | Callable[[], str] | None) -> Any:
        if key is None or callable(key):
            return key
        with translated():
            return find_key(key)

    @field_validator("default_headers", mode="after")
    @classmethod
    def _usable_headers(cls, headers: dict[str, str] | None) -> dict[str, str] | None:
        with translated():
            return None if headers is None else dict(check_headers(headers.items()))

    @field_validator("http_client", "http_async_client", mode="after")
    @classmethod
    def _usable_http_client(cls, client: Any, field: ValidationInfo) -> Any:
        name = str(field.field_name)
        with translated():
            check_http_client(client, is_async="async" in name, name=name)
        return client

    @model_validator(mode="after")
    def _read_environment(self) -> Self:
        if self.api_key is None:
            self.api_key = self._key()
        with translated():
            self.base_url = find_base_url(
                self.base_url, allow_insecure_http=self.allow_insecure_http
            )
        return self

    @model_validator(mode="after")
    def _model_is_described(self) -> Self:
        if self.model_facts:
            self._facts()  # which finds mistakes
        else:
            warn_if_unknown(self.model)
        return self

    @model_validator(mode="after")
    def _set_cerebras_ext_version(self) -> Self:
        cast("Any", self)._add_version("langchain-cerebras-ext", __version__)
        return self

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Whether `langchain_core.load` takes it; the key is written as a reference."""
        return True

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The fields that are written as references to the environment."""
        return {"api_key": API_KEY_VARIABLE}

    def get_token_ids(self, text: str) -> list[int]:
        """The tokens of a text, from `custom_get_token_ids`.

        Raises:
            ConfigError: There is no such function: the models' tokenizers are not part of this
                package.
        """
        encode = cast("Any", self).custom_get_token_ids
        if encode is None:
            raise ConfigError(
                "custom_get_token_ids: is not set, and token ids need a tokenizer; get_num_tokens "
                "estimates counts without one"
            )
        return cast("list[int]", encode(text))

    def get_num_tokens(self, text: str) -> int:
        """How many tokens a text has: exact with `custom_get_token_ids`, else an estimate."""
        if cast("Any", self).custom_get_token_ids is not None:
            return len(self.get_token_ids(text))
        return math.ceil(len(text) / _CHARS_PER_TOKEN)

    def warm_up(self) -> None:
        """Opens a connection and loads what calls need, so that the first call need not."""
        _load_what_calls_need()
        with translated():
            self._client().warm_up()

    async def awarm_up(self) -> None:
        """As `warm_up`, for calls on the running event loop."""
        _load_what_calls_need()
        with translated():
            await self._async_client().warm_up()

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        fields = {name: value for name, value in state["__dict__"].items() if self._is_field(name)}
        fields |= {name: None for name in STAYS_BEHIND if name in fields}
        if not self.pickle_secret:
            fields |= {"api_key": None, "default_headers": None}
            if "@" in (self.proxy or ""):
                fields["proxy"] = None
        return {**state, "__dict__": fields}

    def _set_fields(self, spelling: Mapping[str, str]) -> dict[str, Any]:
        """The fields that are not None, under the names given to them."""
        values = vars(self)
        return {
            name: value for field, name in spelling.items() if (value := values[field]) is not None
        }

    def _facts(self) -> ModelFacts:
        """The catalogue row of the model, with the user's corrections."""
        from cerebras_ext.catalog import facts_of

        try:
            return facts_of(self.model, **(self.model_facts or {}))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"model_facts: {error}") from error

    def _key(self) -> SecretStr | Callable[[], str]:
        if self.api_key is not None:
            return self.api_key
        with translated():
            key = find_key(None)
        if key is None:
            raise MissingKey(
                f"no API key: set the environment variable {API_KEY_VARIABLE} or pass api_key=... "
                "(a model that was pickled without pickle_secret=True needs the variable where it "
                "is loaded)"
            )
        return key

    def _config(self) -> ClientConfig:
        """What the client is to know, made anew when a field has changed."""
        given = (self._key(), *_of_config(vars(self)))
        return self._clients.config(given, self._new_config)

    def _new_config(self) -> ClientConfig:
        from cerebras_ext.config import ClientConfig
        from cerebras_ext.retry import RetryPolicy

        return ClientConfig(
            api_key=self._key(),
            base_url=self.base_url,
            timeout=timeouts_of(self.timeout),
            retry=RetryPolicy(
                max_retries=_MAX_RETRIES if self.max_retries is None else self.max_retries,
                retries_queue_exceeded=self.retries_queue_exceeded,
            ),
            default_headers=tuple((self.default_headers or {}).items()),
            proxy=self.proxy,
            ssl_context=self.ssl_context,
            max_connections=self.max_connections,
            gzip_above_bytes=self.gzip_above_bytes,
            merge_deltas=self.merge_deltas,
            paces_requests=self.paces_requests,
            allow_insecure_http=self.allow_insecure_http,
        )

    @cached_property
    def _clients(self) -> HeldClients:
        from cerebras_ext.held_clients import HeldClients

        return HeldClients()

    def _client(self) -> CerebrasClient:
        return self._clients.sync_client(self._config(), self.http_client)

    def _async_client(self) -> AsyncCerebrasClient:
        return self._clients.async_client(self._config(), self.http_async_client)

    def _ls_facts(
        self, stop: list[str] | None, kwargs: Mapping[str, Any], model_type: str
    ) -> dict[str, Any]:
        """What LangSmith wants to know about a call: a call's value, else the model's."""
        facts = {
            "ls_provider": PROVIDER,
            "ls_model_type": model_type,
            "ls_model_name": kwargs.get("model") or self.model,
            "ls_temperature": kwargs.get("temperature", self.temperature),
            "ls_max_tokens": kwargs.get(
                "max_tokens", kwargs.get("max_completion_tokens", self.max_tokens)
            ),
            "ls_stop": stop if stop is not None else self.stop,
        }
        return {name: value for name, value in facts.items() if value is not None}


def _load_what_calls_need() -> None:
    for module in ("_chunks", "_reply", "_request", "_retries"):
        import_module(f"langchain_cerebras_ext.{module}")
