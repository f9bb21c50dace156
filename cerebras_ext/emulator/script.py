"""A user's list of replies, in JSON, YAML or Python.

    - Hello.                                  # the next request gets this text
    - contains: weather                       # the next one that has the word
      tool_calls: [{name: get_weather, arguments: {city: Oslo}}]
    - {has_tool_result: true, content: It is cold in Oslo.}
    - {status: 503, headers: {retry-after: "1"}}
    - {fault: "cut:3"}                        # what the responder says, cut

Each request is answered by the first step left whose conditions it meets. A step that gives no
answer of its own, such as the last, leaves the answer to the responder.
"""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Iterable, Mapping
from itertools import starmap
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeAlias, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import to_json

from cerebras_ext.emulator.answer import Answer, CalledTool
from cerebras_ext.emulator.faults import Fault, read_fault
from cerebras_ext.emulator.outgoing import read_header

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Script",
    "ScriptCall",
    "ScriptError",
    "ScriptStep",
    "StepLike",
    "read_script",
    "steps_of",
]


class ScriptError(ValueError):
    """A script that cannot be played; the text names the place and what is wrong there."""


def _arguments_text(value: Any) -> Any:
    return value if isinstance(value, str) else to_json(value).decode()


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class ScriptCall(_Closed):
    """A tool call; `arguments` as an object, or as text where its exact form matters."""

    name: str
    arguments: Annotated[str, BeforeValidator(_arguments_text)] = "{}"
    id: str | None = None


class ScriptStep(_Closed):
    """One reply, and which requests it is for.

    Conditions, of which all that are given must hold:

    Attributes:
        model: The request names this model.
        contains: This text is in the request's messages or prompt.
        has_tool_result: Whether the last message is a tool result.
        stream: Whether a stream is asked for.
        times: How many requests the step answers.

    Answers, one kind in a step:

        content: Text of the answer.
        reasoning: Its reasoning.
        tool_calls: Its tool calls.
        finish_reason: In place of the one that follows from the rest.
        deltas: The text as a stream cuts it, one chunk for each.
        chunks: Chunks of a stream, verbatim; `[DONE]` follows as usual.
        raw: The body, verbatim.
        body: The body as a JSON value.
        status: Status of `raw` or `body`; alone, an error with the body known for it.
        headers: Response headers, added or replaced.
        fault: What goes wrong with the reply; see `cerebras_ext.emulator.faults`.
    """

    model: str | None = None
    contains: str | None = None
    has_tool_result: bool | None = None
    stream: bool | None = None
    times: int = Field(default=1, ge=1, le=100_000)

    content: str | None = None
    reasoning: str | None = None
    tool_calls: tuple[ScriptCall, ...] = ()
    finish_reason: str | None = None
    deltas: tuple[str, ...] = ()
    chunks: tuple[dict[str, Any], ...] = ()
    raw: str | None = None
    body: Any = None
    status: int | None = Field(default=None, ge=200, le=599)
    headers: dict[str, str] = Field(default_factory=dict)
    fault: str | None = None

    @field_validator("fault")
    @classmethod
    def _fault_exists(cls, value: str | None) -> str | None:
        if value is not None:
            read_fault(value)
        return value

    @field_validator("headers")
    @classmethod
    def _headers_can_be_sent(cls, value: dict[str, str]) -> dict[str, str]:
        return dict(starmap(read_header, value.items()))

    @model_validator(mode="after")
    def _has_one_kind_of_answer(self) -> Self:
        kinds = {
            "content, reasoning or tool calls": self._says_something,
            "chunks": bool(self.chunks),
            "raw": self.raw is not None,
            "body": self.body is not None,
        }
        given = [name for name, is_given in kinds.items() if is_given]
        if len(given) > 1:
            raise ValueError(f"gives {' and '.join(given)}: keep one")
        if self.content is not None and self.deltas:
            raise ValueError("gives content and deltas: keep one")
        if self.status is not None and (self._says_something or self.chunks):
            raise ValueError("status goes with raw, with body, or alone")
        to_json(self.model_dump())  # what cannot be sent is found here
        return self

    @property
    def answer(self) -> Answer | None:
        """The answer of the model, if the step gives one."""
        if not self._says_something:
            return None
        return Answer(
            content="".join(self.deltas) if self.deltas else self.content,
            reasoning=self.reasoning,
            tool_calls=tuple(CalledTool(c.name, c.arguments, c.id) for c in self.tool_calls),
            finish_reason=self.finish_reason,
            deltas=self.deltas,
        )

    @property
    def parsed_fault(self) -> Fault | None:
        """The fault, if the step has one."""
        return None if self.fault is None else read_fault(self.fault)

    def is_for(self, request: Mapping[str, Any]) -> bool:
        """Whether an accepted request body meets the conditions."""
        messages: list[dict[str, Any]] = request.get("messages") or []
        has_tool_result = bool(messages) and messages[-1].get("role") == "tool"
        return (
            self.model in (None, request.get("model"))
            and self.stream in (None, bool(request.get("stream")))
            and self.has_tool_result in (None, has_tool_result)
            and (self.contains is None or _says(request, self.contains))
        )

    @property
    def _says_something(self) -> bool:
        said = (self.content, self.reasoning, self.finish_reason)
        return any(part is not None for part in said) or bool(self.tool_calls or self.deltas)


StepLike: TypeAlias = ScriptStep | Mapping[str, Any] | str
"""A step, its fields as a mapping, or the text of an answer."""


class Script:
    """The steps that are left; safe to take from in one thread while another looks."""

    def __init__(self, steps: Iterable[ScriptStep] = ()) -> None:
        self._lock = threading.Lock()
        self._left = [step for step in steps for _ in range(step.times)]

    def take(self, request: Mapping[str, Any]) -> ScriptStep | None:
        """The step that answers an accepted request body, now used; None if none does."""
        with self._lock:
            for position, step in enumerate(self._left):
                if step.is_for(request):
                    return self._left.pop(position)
        return None


def steps_of(values: Iterable[object], *, where: str = "script") -> tuple[ScriptStep, ...]:
    """Steps from Python values.

    Raises:
        ScriptError: A value is no step; the text names its number, its field and the trouble.
    """
    return tuple(_step(value, f"{where}, step {n}") for n, value in enumerate(values, 1))


def read_script(path: Path) -> tuple[ScriptStep, ...]:
    """Steps from a file: YAML if its name ends so, else JSON.

    Raises:
        ScriptError: The file cannot be read, or holds no list of steps.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path}: {error}") from error
    is_yaml = path.suffix.lower() in {".yaml", ".yml"}
    values = _from_yaml(text, path) if is_yaml else _from_json(text, path)
    if _kind(values) != "a list":
        raise ScriptError(f"{path}: the script must be a list of steps, not {_kind(values)}")
    return steps_of(values, where=str(path))


def _step(value: Any, where: str) -> ScriptStep:
    if isinstance(value, ScriptStep):
        return value
    if isinstance(value, str):
        value = {"content": value}
    if not isinstance(value, Mapping):
        raise ScriptError(f"{where}: must be an object or a text, not {_kind(value)}")
    try:
        return ScriptStep.model_validate(dict(cast("Mapping[str, Any]", value)))
    except ValidationError as error:
        raise ScriptError("\n".join(_complaints(error, where))) from None


def _complaints(error: ValidationError, where: str) -> Iterable[str]:
    for problem in error.errors(include_url=False, include_input=False):
        field = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            known = ", ".join(sorted(ScriptStep.model_fields))
            yield f"{where}: there is no field {field!r}; the fields are {known}"
        else:
            at = f", field {field!r}" if field else ""
            yield f"{where}{at}: {problem['msg'].removeprefix('Value error, ')}"


def _says(request: Mapping[str, Any], text: str) -> bool:
    """Whether a text is in the prompt or in any message."""
    said = json.dumps([request.get("messages"), request.get("prompt")], ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False)[1:-1] in said


def _from_json(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ScriptError(f"{path}, line {error.lineno}: {error.msg}") from None


def _from_yaml(text: str, path: Path) -> Any:
    try:
        yaml: Any = importlib.import_module("yaml")
    except ImportError:
        raise ScriptError(
            f"{path}: YAML needs PyYAML (pip install pyyaml); JSON does not"
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ScriptError(f"{path}{line}: {getattr(error, 'problem', error)}") from None


def _kind(value: Any) -> str:
    kinds = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "a boolean",
        type(None): "null",
    }
    return kinds.get(value.__class__, "a number")
