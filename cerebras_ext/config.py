"""Settings of a client and of one call: plain, frozen, comparable values.

Two clients with equal settings may share connections; see `CerebrasClient.shared`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from pydantic import SecretStr

from cerebras_ext.endpoint import check_headers, check_proxy, find_base_url
from cerebras_ext.errors import CerebrasError, ConfigError
from cerebras_ext.retry import RetryPolicy, is_number
from cerebras_ext.secrets import check_key, find_key, missing_key

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

__all__ = ["CallOptions", "ClientConfig", "IgnoredEvent", "RetryEvent", "Timeouts"]

_LONGEST_S = 1e9  # sockets take no more on some platforms


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Time limits in seconds; None means no limit.

    Attributes:
        connect_s: Opening a connection, TLS included.
        read_s: Silence while a reply is awaited or arriving.
        write_s: Silence while a request is being sent.
        pool_s: Waiting for a free connection.
        total_s: The whole call: attempts, waits between them, and the body.
    """

    connect_s: float | None = 5.0
    read_s: float | None = 60.0
    write_s: float | None = 30.0
    pool_s: float | None = 30.0
    total_s: float | None = 600.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and not _is_time_limit(value):
                raise ConfigError(
                    f"timeout: {name} is {value!r}; give seconds above 0, or None for no limit"
                )

    @classmethod
    def of(cls, timeout: object) -> Self:
        """Time limits from what users write.

        Args:
            timeout: A `Timeouts`; a number of seconds for the whole call; None for the defaults; or
                an object with `connect`, `read`, `write` and `pool` in seconds, such as
                `httpx.Timeout`.

        Raises:
            ConfigError: It is none of these.
        """
        if isinstance(timeout, cls):
            return timeout
        if timeout is None:
            return cls()
        if isinstance(timeout, int | float) and not isinstance(timeout, bool):
            return cls(total_s=timeout)
        parts = ("connect", "read", "write", "pool")
        if all(hasattr(timeout, part) for part in parts):
            return cls(**{f"{part}_s": getattr(timeout, part) for part in parts})
        raise ConfigError(
            f"timeout: {type(timeout).__name__} is not a time limit; give seconds or Timeouts(...)"
        )

    def until(self, deadline_s: float | None, now_s: float) -> Self:
        """These limits for something that begins now: none of them ends after the deadline."""
        if deadline_s is None:
            return self
        left_s = max(deadline_s - now_s, 0.001)
        limits = (self.connect_s, self.read_s, self.write_s, self.pool_s, self.total_s)
        return type(self)(*[left_s if s is None or s > left_s else s for s in limits])


def _is_time_limit(value: object) -> bool:
    return is_number(value) and 0 < value <= _LONGEST_S


@dataclass(frozen=True, slots=True)
class RetryEvent:
    """A request is about to be sent again.

    Attributes:
        attempt: How many attempts have failed.
        delay_s: Seconds until the next one.
        error: Why the last one failed.
    """

    attempt: int
    delay_s: float
    error: CerebrasError


@dataclass(frozen=True, slots=True)
class IgnoredEvent:
    """An event of a stream that carries nothing this package knows.

    Attributes:
        name: The event's name.
        data: Its text; not in the repr, as it may hold what a model wrote.
    """

    name: str
    data: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CallOptions:
    """What one call does differently from its client; None means the client's own setting.

    Attributes:
        timeout: Time limits; see `Timeouts.of` for what is accepted.
        max_retries: Retries after the first attempt.
        extra_headers: Headers beside the client's own.
        extra_body: Request fields that this package does not know yet; sent as they are.
        merge_deltas: Whether stream deltas that arrived together are merged.
        on_retry: Called before each retry's wait.
        on_ignored: Called with each event of the stream that is passed over; to look into what a
            service or a gateway adds.
    """

    timeout: Timeouts | float | None = None
    max_retries: int | None = None
    extra_headers: Mapping[str, str] | None = field(default=None, repr=False)
    extra_body: Mapping[str, Any] | None = field(default=None, repr=False)
    merge_deltas: bool | None = None
    on_retry: Callable[[RetryEvent], None] | None = None
    on_ignored: Callable[[IgnoredEvent], None] | None = None


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """Settings of a client.

    Attributes:
        api_key: A key, or a function that gives one at each call; None until `resolved`.
        base_url: Address of the service, with or without `/v1`; None until `resolved`.
        timeout: Time limits of a call.
        retry: How often and how patiently requests are sent again.
        default_headers: Headers of every request, as pairs.
        proxy: URL of a proxy; None uses the environment's, as httpx does.
        ssl_context: For private certificate authorities and client certificates; None verifies
            against the usual ones. Verification cannot be turned off.
        max_connections: Most connections at once; None for no limit.
        max_keepalive_connections: Most idle connections kept.
        keepalive_expiry_s: How long an idle connection is kept.
        gzip_above_bytes: Compress request bodies that are larger; None for never.
        uses_msgpack: Send bodies as msgpack; needs the `msgpack` package.
        merge_deltas: Whether stream deltas that arrived together are merged.
        paces_requests: Whether completions wait until the rate limits that replies reported leave
            room for them, at most until their deadline; each client keeps its own count.
        allow_insecure_http: Whether http:// is allowed for hosts other than this machine.
    """

    api_key: SecretStr | Callable[[], str] | None = None
    base_url: str | None = None
    timeout: Timeouts = field(default_factory=Timeouts)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    default_headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    proxy: str | None = field(default=None, repr=False)
    ssl_context: ssl.SSLContext | None = None
    max_connections: int | None = 1_000
    max_keepalive_connections: int | None = 100
    keepalive_expiry_s: float | None = 60.0
    gzip_above_bytes: int | None = None
    uses_msgpack: bool = False
    merge_deltas: bool = True
    paces_requests: bool = False
    allow_insecure_http: bool = False

    def resolved(self) -> Self:
        """These settings with key and address looked up in the environment, and everything checked.

        Raises:
            ConfigError: Something cannot work; the message names it and the remedy.
        """
        key = self.api_key if callable(self.api_key) else find_key(self.api_key)
        if key is None:
            raise missing_key()
        if self.proxy is not None:
            check_proxy(self.proxy)
        return replace(
            self,
            api_key=key,
            base_url=find_base_url(self.base_url, allow_insecure_http=self.allow_insecure_http),
            default_headers=check_headers(self.default_headers),
        )

    def current_key(self) -> str:
        """The key to send now.

        Raises:
            ConfigError: There is none, or the function that gives it gave something else.
        """
        if self.api_key is None:
            raise missing_key()
        if isinstance(self.api_key, SecretStr):
            return self.api_key.get_secret_value()
        given: object = self.api_key()
        if isinstance(given, SecretStr):
            given = given.get_secret_value()
        return check_key(given, "the key that api_key() gave")
