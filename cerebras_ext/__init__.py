"""The Cerebras Inference API on httpx: completions, whole and streamed, sync and async.

from cerebras_ext import CerebrasClient

with CerebrasClient() as client:  # the key comes from CEREBRAS_API_KEY
    for delta in client.stream_chat(model="gpt-oss-120b", messages=[...]):
        ...
"""

from typing import TYPE_CHECKING

from cerebras_ext._lazy import lazy_names
from cerebras_ext._version import __version__

if TYPE_CHECKING:
    from cerebras_ext.aclient import AsyncCerebrasClient, AsyncStream
    from cerebras_ext.catalog import ModelFacts, all_models, facts_of
    from cerebras_ext.client import CerebrasClient, Stream
    from cerebras_ext.config import (
        CallOptions,
        ClientConfig,
        IgnoredEvent,
        RetryEvent,
        Timeouts,
    )
    from cerebras_ext.deltas import (
        ChatDelta,
        CompletionDelta,
        ContentDelta,
        Finish,
        ReasoningDelta,
        StreamStart,
        TextDelta,
        TextFinish,
        ToolCallDelta,
    )
    from cerebras_ext.errors import (
        BadRequest,
        CerebrasError,
        ConfigError,
        ConnectionFailed,
        ContextOverflow,
        Forbidden,
        NotFound,
        PaymentRequired,
        ProtocolError,
        RateLimited,
        ServerError,
        StatusError,
        StreamError,
        StreamFailed,
        StreamIncomplete,
        StreamInterrupted,
        StreamTimedOut,
        TimedOut,
        TooLarge,
        Unauthorized,
        Unprocessable,
    )
    from cerebras_ext.limits import RateLimits, RateLimitWindow
    from cerebras_ext.reply import ChatCompletion, Model, ModelList, ResponseMeta, TextCompletion
    from cerebras_ext.retry import RetryPolicy
    from cerebras_ext.wire import ChatRequest, TextRequest
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "aclient": "AsyncCerebrasClient AsyncStream",
            "catalog": "ModelFacts all_models facts_of",
            "client": "CerebrasClient Stream",
            "config": "CallOptions ClientConfig IgnoredEvent RetryEvent Timeouts",
            "deltas": (
                "ChatDelta CompletionDelta ContentDelta Finish ReasoningDelta "
                "StreamStart TextDelta TextFinish ToolCallDelta"
            ),
            "errors": (
                "BadRequest CerebrasError ConfigError ConnectionFailed ContextOverflow "
                "Forbidden NotFound PaymentRequired ProtocolError RateLimited "
                "ServerError StatusError StreamError StreamFailed StreamIncomplete "
                "StreamInterrupted StreamTimedOut TimedOut TooLarge Unauthorized "
                "Unprocessable"
            ),
            "limits": "RateLimits RateLimitWindow",
            "reply": "ChatCompletion Model ModelList ResponseMeta TextCompletion",
            "retry": "RetryPolicy",
            "wire": "ChatRequest TextRequest",
        },
    )

__all__ = [
    "AsyncCerebrasClient",
    "AsyncStream",
    "BadRequest",
    "CallOptions",
    "CerebrasClient",
    "CerebrasError",
    "ChatCompletion",
    "ChatDelta",
    "ChatRequest",
    "ClientConfig",
    "CompletionDelta",
    "ConfigError",
    "ConnectionFailed",
    "ContentDelta",
    "ContextOverflow",
    "Finish",
    "Forbidden",
    "IgnoredEvent",
    "Model",
    "ModelFacts",
    "ModelList",
    "NotFound",
    "PaymentRequired",
    "ProtocolError",
    "RateLimitWindow",
    "RateLimited",
    "RateLimits",
    "ReasoningDelta",
    "ResponseMeta",
    "RetryEvent",
    "RetryPolicy",
    "ServerError",
    "StatusError",
    "Stream",
    "StreamError",
    "StreamFailed",
    "StreamIncomplete",
    "StreamInterrupted",
    "StreamStart",
    "StreamTimedOut",
    "TextCompletion",
    "TextDelta",
    "TextFinish",
    "TextRequest",
    "TimedOut",
    "Timeouts",
    "TooLarge",
    "ToolCallDelta",
    "Unauthorized",
    "Unprocessable",
    "__version__",
    "all_models",
    "facts_of",
]
