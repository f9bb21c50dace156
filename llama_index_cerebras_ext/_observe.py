"""Core's events around a call, and a stream that lets go at once when its consumer does.

Core's decorators tell whoever listens about start, progress and end of a call, but do not close the
stream they wrap when their consumer stops. So it is closed here, after core has said its last word.
Where nobody listens the events are left out: they cost a tenth of a whole call, and for each item
of a stream more than the item.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import aclosing, closing
from functools import wraps
from inspect import iscoroutinefunction, signature
from typing import TYPE_CHECKING, Any, TypeVar, cast

from llama_index.core.llms import callbacks
from llama_index_instrumentation.event_handlers import NullEventHandler

if TYPE_CHECKING:
    from llama_index_instrumentation.dispatcher import Dispatcher

__all__ = ["observed", "observed_async", "watched_chat", "watched_completion"]

Item = TypeVar("Item")
Items = Generator[Item, None, None]
AsyncItems = AsyncGenerator[Item, None]
Method = TypeVar("Method", bound=Callable[..., Any])
Watch = Callable[[Callable[..., Any]], Callable[..., Any]]

_UNTYPED: Any = callbacks  # core's decorators have no types of their own


def watched_chat(method: Method) -> Method:
    """The method with core's events of a chat around it, where somebody listens."""
    watched = _UNTYPED.llm_chat_callback()(method)

    def call(llm: Any, messages: Iterable[Any], **kwargs: Any) -> Any:
        return watched(llm, list(messages), **kwargs)  # events read them, and then the method

    return _where_heard(call, method)


def watched_completion(method: Method) -> Method:
    """The method with core's events of a completion around it, where somebody listens."""
    return _where_heard(_UNTYPED.llm_completion_callback()(method), method)


def _where_heard(watched: Any, method: Method) -> Method:
    # core marks what it has wrapped with `__wrapped__ = True`, which `inspect.signature` follows
    vars(method).pop("__wrapped__", None)
    vars(method)["__signature__"] = signature(method)  # core asks at each call

    @wraps(method)
    def call(llm: Any, *args: Any, **kwargs: Any) -> Any:
        return (watched if _is_heard(llm) else method)(llm, *args, **kwargs)

    @wraps(method)
    async def acall(llm: Any, *args: Any, **kwargs: Any) -> Any:
        return await (watched if _is_heard(llm) else method)(llm, *args, **kwargs)

    return cast("Method", acall if iscoroutinefunction(method) else call)


def observed(
    watch: Watch, llm: Any, begin: Callable[..., Items[Item]], /, *args: Any, **kwargs: Any
) -> Items[Item]:
    """The items that `begin(*args, **kwargs)` gives, with core's events around them.

    Args:
        watch: `watched_chat` or `watched_completion`.
        llm: Whose call it is.
        begin: Makes the items. It is called at once, but sends nothing before one is asked for.
        *args: What the events show as the call's input.
        **kwargs: Likewise.
    """
    if not _is_heard(llm):
        return begin(*args, **kwargs)
    source: list[Items[Item]] = []

    def keep(_: Any, *args: Any, **kwargs: Any) -> Items[Item]:
        source.append(begin(*args, **kwargs))
        return source[0]

    shown: Items[Item] = watch(keep)(llm, *args, **kwargs)
    return _released(source[0], shown)


async def observed_async(
    watch: Watch, llm: Any, begin: Callable[..., AsyncItems[Item]], /, *args: Any, **kwargs: Any
) -> AsyncItems[Item]:
    """The same for async items; arguments as in `observed`."""
    if not _is_heard(llm):
        return begin(*args, **kwargs)
    source: list[AsyncItems[Item]] = []

    async def keep(_: Any, *args: Any, **kwargs: Any) -> AsyncItems[Item]:
        source.append(begin(*args, **kwargs))
        return source[0]

    shown: AsyncItems[Item] = await watch(keep)(llm, *args, **kwargs)
    return _released_async(source[0], shown)


def _is_heard(llm: Any) -> bool:
    """Whether core's decorators would do anything: tell a handler, or ask the rate limiter."""
    if llm.rate_limiter is not None or getattr(llm.callback_manager, "handlers", None):
        return True
    dispatcher: Dispatcher | None = _UNTYPED.dispatcher
    while dispatcher is not None:
        if any(type(handler) is not NullEventHandler for handler in dispatcher.event_handlers):
            return True
        dispatcher = dispatcher.parent if dispatcher.propagate else None
    return False


def _released(source: Items[Item], shown: Items[Item]) -> Items[Item]:
    with closing(source), closing(shown):
        yield from shown


async def _released_async(source: AsyncItems[Item], shown: AsyncItems[Item]) -> AsyncItems[Item]:
    async with aclosing(source), aclosing(shown):
        async for item in shown:
            yield item
