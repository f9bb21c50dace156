"""The fields of `ChatCerebras` beside those of the connection, and what they mean for a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pydantic import Field

from cerebras_ext.wire import (
    ReasoningEffort,  # noqa: TC001 - pydantic reads them
    ReasoningFormat,  # noqa: TC001
    ServiceTier,  # noqa: TC001
)
from langchain_cerebras_ext._connection import CerebrasConnection
from langchain_cerebras_ext._options import CHAT_FIELDS, RULE_KEYS

if TYPE_CHECKING:
    from langchain_core.language_models import LangSmithParams

    from langchain_cerebras_ext._request import Defaults

__all__ = ["ChatSettings"]


_TRANSLATION = ("replay_reasoning", "replay_foreign_reasoning")
_IDENTIFYING = {
    name: name
    for name in (*CHAT_FIELDS, "base_url", "extra_body", "model_facts", *_TRANSLATION)
    if name != "prediction"
}


class ChatSettings(CerebrasConnection):
    """What a user can choose about a chat model."""

    logprobs: bool | None = None
    """Whether log probabilities are returned, in `response_metadata["logprobs"]`."""
    top_logprobs: int | None = None
    """Alternatives per token, 0 to 20; needs `logprobs`."""
    parallel_tool_calls: bool | None = None
    """Whether a reply may hold several tool calls; the service's default is yes."""
    reasoning_effort: ReasoningEffort | None = None
    """How much the model thinks; which values it takes is in
    `profile["reasoning_effort_levels"]`.
    """
    reasoning_format: ReasoningFormat | None = None
    """Where reasoning goes; the model's own default is best for LangChain, which shows it apart
    from the text.
    """
    clear_thinking: bool | None = None
    """Whether the service drops earlier turns' reasoning from the prompt, for models that take the
    field.
    """
    service_tier: ServiceTier | None = None
    """Priority of requests, where the account takes part in the preview."""
    prediction: str | dict[str, Any] | None = Field(default=None, exclude=True, repr=False)
    """Text that the answer is expected to repeat for the most part; excludes tools and
    `logprobs`.
    """

    replay_reasoning: bool | None = None
    """Whether reasoning of earlier turns goes back to the model; None does what suits the model."""
    replay_foreign_reasoning: bool = False
    """Whether that includes reasoning of other providers' models."""
    streaming: bool | None = None
    """True makes `invoke` stream inside, False makes `stream` give one message; None does as
    asked.
    """
    stream_usage: bool = True
    """Whether the last chunk of a stream carries token counts."""
    include_response_headers: bool = False
    """Whether `response_metadata["headers"]` holds the response headers."""

    def _defaults(self) -> Defaults:
        from langchain_cerebras_ext._request import Defaults

        return Defaults(
            request=self._set_fields(CHAT_FIELDS),
            rules={name: getattr(self, name) for name in RULE_KEYS},
            extra_body=self.extra_body,
            fact_overrides=self.model_facts,
        )

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return self._set_fields(_IDENTIFYING)

    @property
    def _llm_type(self) -> str:
        return "cerebras-chat"

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return cast("LangSmithParams", self._ls_facts(stop, kwargs, "chat"))
