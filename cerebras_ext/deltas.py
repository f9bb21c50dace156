"""What a stream hands over: one small object for each thing that arrived.

The kinds are closed: match over them with `assert_never`. `raw` is the parsed chunk that the delta
came from; where several chunks arrived together and were merged, it is one chunk in the same shape
that carries their sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from cerebras_ext.reply import ChatCompletion, TextCompletion
    from cerebras_ext.wire import JsonObject

__all__ = [
    "ChatDelta",
    "CompletionDelta",
    "ContentDelta",
    "Finish",
    "LogprobsField",
    "ReasoningDelta",
    "StreamStart",
    "TextDelta",
    "TextFinish",
    "ToolCallDelta",
]


LogprobsField: TypeAlias = Literal["logprobs", "reasoning_logprobs"]
"""A field of a choice that holds log probabilities."""


@dataclass(frozen=True, slots=True)
class StreamStart:
    """The first chunk of a stream arrived; `raw` has the reply's id, model and creation time."""

    raw: JsonObject


@dataclass(frozen=True, slots=True)
class ContentDelta:
    """New text of the answer.

    Attributes:
        text: The new text only.
        logprobs: Wire entries, one a token, when the request asked for them.
        choice: Index of the choice; 0 unless several were asked for.
    """

    text: str
    raw: JsonObject
    logprobs: JsonObject | None = None
    choice: int = 0


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """New reasoning text, apart from the answer.

    Attributes:
        logprobs_field: Where a whole reply has these log probabilities: only the reasoning format
            `parsed` keeps them apart from the answer's.
    """

    text: str
    raw: JsonObject
    logprobs: JsonObject | None = None
    choice: int = 0
    logprobs_field: LogprobsField = "reasoning_logprobs"


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A tool call begins or goes on.

    Attributes:
        index: Which call of the message; never None, whatever the wire left out.
        id: In the call's first delta only.
        name: In the call's first delta only.
        arguments: New JSON text of the arguments; may be empty.
    """

    index: int
    id: str | None
    name: str | None
    arguments: str
    raw: JsonObject
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Finish:
    """The reply is complete; always the last delta of a stream.

    Attributes:
        reply: Everything the chunks added up to, equal to the reply of the same request unstreamed.
        raw: The last chunk, with the finish reason, usage and timings wherever the service sent
            them.
    """

    reply: ChatCompletion
    raw: JsonObject

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended; None when the service said only `[DONE]`."""
        return self.reply.choices[0].finish_reason if self.reply.choices else None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """New text of a text completion."""

    text: str
    raw: JsonObject
    logprobs: JsonObject | None = None
    choice: int = 0
    tokens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TextFinish:
    """The text completion is complete; always the last delta of a stream."""

    reply: TextCompletion
    raw: JsonObject

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended; None when the service said only `[DONE]`."""
        return self.reply.choices[0].finish_reason if self.reply.choices else None


ChatDelta: TypeAlias = StreamStart | ContentDelta | ReasoningDelta | ToolCallDelta | Finish
CompletionDelta: TypeAlias = StreamStart | TextDelta | TextFinish
