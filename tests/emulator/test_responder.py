"""The responder answers out of the prompt, calls tools, and keeps to the form that is asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext.emulator.responder import answer_chat
from cerebras_ext.emulator.tokens import pieces_of
from tests.emulator.requests import accepted, chat_body, user

if TYPE_CHECKING:
    from cerebras_ext.emulator.answer import Answer

ESSAY = """page_label: 3
file_path: essays/one.txt

What I Worked On

Before college I worked on writing and programming. I wrote short stories. My stories were awful.
The first programs I tried writing were on the IBM 1401 of our school district."""

QA = """Context information is below.
---------------------
{context}
---------------------
Given the context information and not prior knowledge, answer the query.
Query: {query}
Answer: """


def answered(*messages: dict[str, Any], **fields: Any) -> Answer:
    """What the responder says to a conversation."""
    return answer_chat(accepted(chat_body(messages=list(messages), **fields)))


def said(*messages: dict[str, Any], **fields: Any) -> str:
    """The text it says."""
    return answered(*messages, **fields).content or ""


def system(content: str) -> dict[str, Any]:
    """A system message."""
    return {"role": "system", "content": content}


def tool(name: str, description: str = "", **properties: Any) -> dict[str, Any]:
    """A tool that requires all its arguments."""
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


def called(*names: str) -> dict[str, Any]:
    """An assistant message that has called tools, with ids after their names."""
    calls = [
        {"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}}
        for name in names
    ]
    return {"role": "assistant", "tool_calls": calls}


def result(name: str, content: str) -> dict[str, Any]:
    """The result of the call with that id."""
    return {"role": "tool", "tool_call_id": name, "content": content}


TEXT = {"type": "string"}
WHOLE = {"type": "integer"}
WEATHER = tool("get_weather", "Get the current weather of a place", location=TEXT)
JOKE = tool("tell_joke", "Tell a funny joke", topic=TEXT)
ADD = tool("add", "Add two numbers", a=WHOLE, b=WHOLE)
IMAGE_MODELS = tool("models_with_images", "The ids of the models that take images")
SPEED = tool("speed_of", "How many tokens per second a model generates", model=TEXT)
WINDOW = tool("context_window_of", "The context window of a model in tokens", model=TEXT)
PRICE = tool(
    "price_of", "What a call with so many tokens costs",
    model=TEXT, input_tokens=WHOLE, output_tokens=WHOLE,
)  # fmt: skip
MULTIPLY = tool("multiply", "Multiply two numbers", a=WHOLE, b=WHOLE)


def calls_of(answer: Answer) -> list[tuple[str, Any]]:
    """Names and arguments of the calls."""
    return [(call.name, json.loads(call.arguments)) for call in answer.tool_calls]


# Answers out of a context.


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("What did the author work on before college?",
         "Before college I worked on writing and programming."),
        ("Which machine were the first programs for?",
         "The first programs I tried writing were on the IBM 1401 of our school district."),
        ("Who rules Bolivia?", "I don't know: nothing in the given context answers this."),
    ],
)  # fmt: skip
def test_question_is_answered_from_the_context(query: str, answer: str):
    """Design §5: extractive answers, and an honest one where the context has none."""
    assert said(user(QA.format(context=ESSAY, query=query))) == answer


def test_context_may_stand_in_the_system_message():
    """Chat engines put what they retrieved there."""
    told = system(f"You are a helpful assistant. Use the context to answer.\n\nContext:\n{ESSAY}")
    assert said(told, user("What were the stories like?")).endswith("My stories were awful.")


def test_earlier_messages_are_context():
    """A conversation remembers what was said in it."""
    hello = {"role": "assistant", "content": "Hello! How can I help?"}
    assert said(user("My name is Ann."), hello, user("What is my name?")) == "My name is Ann."


FRANCE = "The capital of France is Paris."


@pytest.mark.parametrize(
    "request_text",
    [
        f"What is the capital of France? {FRANCE}",
        f"{FRANCE} What is the capital of France?",
        f"{FRANCE} Rome is old. what is the capital of france",
        f"Tell me the capital of France. {FRANCE} It is old.",
    ],
)
def test_request_may_hold_its_own_answer(request_text: str):
    """Design §5: a message that states and asks is answered from what it states."""
    assert said(user(request_text)) == FRANCE


def test_follow_up_is_about_what_was_asked_before():
    """A question that says `it` alone is read with the one before."""
    facts = system("Context:\nThe cat sleeps on the sofa. The dog sleeps on the floor.")
    asked = (user("Is there a dog?"), {"role": "assistant", "content": "Yes."})
    assert said(facts, *asked, user("And where does it sleep?")) == "The dog sleeps on the floor."


def test_what_was_not_known_is_no_context_later():
    """The responder does not quote its own word about what is missing."""
    asked = user("What is a quark?")
    unknown = {"role": "assistant", "content": said(asked)}
    assert said(asked, unknown, asked) == said(asked)


def test_refinement_keeps_the_answer_that_says_more():
    """A refine prompt gets the old answer unless the new context answers better."""
    prompt = (
        "The original query is as follows: What did the author write?\n"
        "We have provided an existing answer: The author did write short stories.\n"
        "We have the opportunity to refine the existing answer (only if needed) with some more "
        "context below.\n------------\nThe moon is round.\n------------\n"
        "Given the new context, refine the original answer.\nRefined Answer: "
    )
    assert said(user(prompt)) == "The author did write short stories."


# Plain talk.


@pytest.mark.parametrize(
    ("request_text", "answer"),
    [
        ("What is 12 * 7?", "12 * 7 = 84."),
        ("What is 1 / 0?", "1 / 0 has no value."),
        ("Reply with the single word ok.", "ok"),
        ('Say "good day" please', "good day"),
        ("Count from 3 to 6", "3, 4, 5, 6."),
        ("Is the sky green? Answer yes or no.", "No"),
    ],
)
def test_small_requests_are_done(request_text: str, answer: str):
    """Smoke tests ask for such things."""
    assert said(user(request_text)) == answer


def test_answer_without_a_model_says_so():
    """Design §5: the responder says what it is and makes up no facts."""
    assert "no model" in said(user("Who painted the Mona Lisa?"))


def test_long_story_is_long():
    """Trying out a stream needs something to stream."""
    assert len(pieces_of(said(user("Write a very long story about dragons")))) > 1000


def test_pictures_are_admitted_not_to_be_seen():
    """Images arrive, but nobody looks at them."""
    png = (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
        "gg=="
    )
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png}"}}
    parts = [{"type": "text", "text": "What is this?"}, image]
    answer = said(user(parts), model="qwen-3.8-27b")
    assert answer.startswith("I was shown 1 picture (1\u00d71 pixels)")


# Reasoning.


def test_reasoning_grows_with_the_effort():
    """API specification §10.1: levels select how much is thought."""
    lengths = [
        len(answered(user("Hello"), model="qwen-3.8-27b", reasoning_effort=effort).reasoning or "")
        for effort in ("none", "low", "medium", "high")
    ]
    assert lengths == sorted(set(lengths))
    assert lengths[0] == 0


def test_model_that_does_not_reason_has_none():
    """API specification §10.1: nothing is thought where the model cannot."""
    assert answered(user("Hello"), model="qwen-3-coder-480b").reasoning is None


# Tools.


@pytest.mark.parametrize(
    ("question", "tools", "calls"),
    [
        ("What's the weather like in Paris, France?", [WEATHER, JOKE],
         [("get_weather", {"location": "Paris, France"})]),
        ("Tell me something about cats", [WEATHER], []),
        ("Use the add tool to compute 2 + 3.", [ADD, MULTIPLY], [("add", {"a": 2, "b": 3})]),
        ("Add and multiply 2 and 3", [ADD, MULTIPLY],
         [("add", {"a": 2, "b": 3}), ("multiply", {"a": 2, "b": 3})]),
        ("Weather in Oslo and Rome?", [WEATHER],
         [("get_weather", {"location": "Oslo"}), ("get_weather", {"location": "Rome"})]),
        ("Please run the tool.", [tool("run_me")], [("run_me", {})]),
        ("How fast is the model qwen-3.8-27b?", [IMAGE_MODELS, SPEED],
         [("speed_of", {"model": "qwen-3.8-27b"})]),
        ("Which models take images?", [IMAGE_MODELS, SPEED], [("models_with_images", {})]),
        ("What does a call to gpt-oss-120b with 2000 input and 150 output tokens cost?",
         [WINDOW, PRICE],
         [("price_of", {"model": "gpt-oss-120b", "input_tokens": 2000, "output_tokens": 150})]),
        ("Compare the speed of gpt-oss-120b and qwen-3.8-27b", [IMAGE_MODELS, SPEED],
         [("speed_of", {"model": "gpt-oss-120b"}), ("speed_of", {"model": "qwen-3.8-27b"})]),
        ("The weather in Oslo, Rome and Paris", [WEATHER],
         [("get_weather", {"location": place}) for place in ("Oslo", "Rome", "Paris")]),
        ("What is the speed of qwen-3.8-27b and the weather in Oslo?", [WEATHER, SPEED],
         [("get_weather", {"location": "Oslo"}), ("speed_of", {"model": "qwen-3.8-27b"})]),
        ("What is 3 * 12? Also, what is 11 plus 49?", [MULTIPLY, WEATHER, ADD],
         [("multiply", {"a": 3, "b": 12}), ("add", {"a": 11, "b": 49})]),
        ("Add 3 and 4, and tell me the weather in Rome.", [WEATHER, ADD, MULTIPLY],
         [("get_weather", {"location": "Rome"}), ("add", {"a": 3, "b": 4})]),
        ("I am Ann and live in Oslo. What is the weather here?", [WEATHER],
         [("get_weather", {"location": "Oslo"})]),
        ("What's the weather in paris?", [WEATHER], [("get_weather", {"location": "paris"})]),
        ("Use get_weather for Oslo", [WEATHER], [("get_weather", {"location": "Oslo"})]),
    ],
)  # fmt: skip
def test_tools_are_called_when_the_question_speaks_of_them(
    question: str, tools: list[Any], calls: list[Any]
):
    """Design §5: calls an offered tool with arguments taken from the prompt."""
    assert calls_of(answered(user(question), tools=tools)) == calls


def test_one_call_at_a_time_where_parallel_calls_are_off():
    """API specification §2.1: `parallel_tool_calls` false."""
    asked = user("Add and multiply 2 and 3")
    answer = answered(asked, tools=[ADD, MULTIPLY], parallel_tool_calls=False)
    assert [name for name, _ in calls_of(answer)] == ["add"]


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("none", []),
        ("auto", []),
        ("required", ["get_weather"]),
        ({"type": "function", "function": {"name": "tell_joke"}}, ["tell_joke"]),
    ],
)
def test_tool_choice_is_obeyed(choice: Any, names: list[str]):
    """API specification §9.1: the four forms, for a question that speaks of no tool."""
    answer = answered(user("Hello"), tools=[WEATHER, JOKE], tool_choice=choice)
    assert [name for name, _ in calls_of(answer)] == names


def test_results_are_answered_from_and_no_tool_is_called_again():
    """Design §5: answers from tool results."""
    answer = answered(
        user("What's the weather in Oslo?"), called("get_weather"), result("get_weather", "40 C"),
        tools=[WEATHER],
    )  # fmt: skip
    assert answer.tool_calls == ()
    assert answer.content == "The result of get_weather is 40 C."


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("5", "The result of add is 5."),
        ('{"sum": 5, "of": [2, 3]}', "According to add: sum: 5, of: 2; 3."),
        ("The sum of both is 5.", "The sum of both is 5."),
        ("", "add returned nothing."),
    ],
)
def test_results_are_put_into_words(text: str, answer: str):
    """Texts, values and JSON all become sentences."""
    assert said(user("Add 2 and 3"), called("add"), result("add", text), tools=[ADD]) == answer


def test_result_takes_the_form_asked_for():
    """Capture 017: `respond with 'sum=<value>'`."""
    asked = user("Use the add tool on 2 and 3, then respond with 'sum=<value>'.")
    assert said(asked, called("add"), result("add", "5"), tools=[ADD]) == "sum=5"


def test_required_choice_goes_on_to_a_tool_not_called_yet():
    """Agents with a final tool require a call in each turn; the same one again would never end."""
    final = tool("final_answer", "Give the final answer", answer=TEXT)
    answer = answered(
        user("What's the weather in Oslo?"), called("get_weather"), result("get_weather", "40 C"),
        tools=[WEATHER, final], tool_choice="required",
    )  # fmt: skip
    assert [name for name, _ in calls_of(answer)] == ["final_answer"]


# JSON.


def json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """A strict response format."""
    return {"type": "json_schema", "json_schema": {"name": "r", "strict": True, "schema": schema}}


def test_json_schema_is_filled_from_the_prompt():
    """Capture 039: title and author out of an article."""
    schema = {
        "type": "object",
        "properties": {"title": TEXT, "author": TEXT},
        "required": ["title", "author"],
        "additionalProperties": False,
    }
    article = "# Apples are tasty\n\nBy Ann Lee\nApples are delicious."
    answer = said(user(article), response_format=json_schema(schema))
    assert answer == '{"title": "Apples are tasty", "author": "Ann Lee"}'


def test_answer_is_put_where_the_schema_asks_for_it():
    """A property named for the answer gets it, as text or as a number."""
    schema = {
        "type": "object",
        "properties": {"answer": WHOLE, "reason": TEXT},
        "required": ["answer", "reason"],
        "additionalProperties": False,
    }
    answer = said(user("What is 12 * 7?"), response_format=json_schema(schema))
    assert json.loads(answer) == {"answer": 84, "reason": "12 * 7 = 84."}


def test_final_tool_gets_what_the_other_tools_returned():
    """Agents whose answer is a tool's argument are answered, too."""
    final = tool("final_answer", "Give the final answer", answer=TEXT)
    answer = answered(
        user("Is it cold in Oslo?"), called("get_weather"), result("get_weather", "It is 9 C."),
        tools=[WEATHER, final], tool_choice="required",
    )  # fmt: skip
    assert calls_of(answer) == [("final_answer", {"answer": "It is 9 C."})]


def test_json_object_has_the_keys_that_the_prompt_names():
    """API specification §8.2: valid JSON, with what the prompt asked for."""
    asked = user("A joke about cats, please: JSON with `setup` and `punchline` keys.")
    answer = json.loads(said(asked, response_format={"type": "json_object"}))
    assert list(answer) == ["setup", "punchline"]


def test_json_object_follows_a_schema_in_the_prompt():
    """Output parsers put the schema into the text."""
    schema = {"properties": {"n": {"type": "integer"}}, "required": ["n"]}
    asked = user(f"How many are 12 apples?\nHere's a JSON schema to follow:\n{json.dumps(schema)}")
    assert json.loads(said(asked, response_format={"type": "json_object"})) == {"n": 12}
    assert json.loads(said(asked)) == {"n": 12}


def test_prediction_is_what_is_said():
    """API specification §13.6: a prediction that holds is accepted whole."""
    predicted = {"type": "content", "content": "x = 1\n"}
    assert said(user("Rename y to x"), prediction=predicted) == "x = 1\n"


def test_same_request_gets_the_same_answer():
    """Design §5: the responder is deterministic."""
    one, other = (answered(user("Weather in Oslo?"), tools=[WEATHER]) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(
    "piece",
    ["-", "a ", "- a\n", "1 ", "'", "{", "e.g. ", "<context>", "<question> ", "Query: ", "\n", "?",
     "gpt-1 ", "Ann, ", "a@", "of a ", "reply ", "Existing Answer: "],
)  # fmt: skip
def test_prompt_of_one_thing_over_and_over_is_answered(piece: str):
    """No rule takes time that grows with the square of a prompt: the test would not end."""
    told = piece * (60_000 // len(piece))
    assert answered(user(f"{told}x"), tools=[WEATHER], tool_choice="required").tool_calls
    assert said(user(f"Context: a\nyes or no?\n{told}"))
