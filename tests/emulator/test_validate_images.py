"""Images: API specification §2.4."""

from __future__ import annotations

import base64
import struct

import pytest

from cerebras_ext.catalog import facts_of
from cerebras_ext.emulator import conversations
from cerebras_ext.emulator.accepted import Image
from cerebras_ext.emulator.images import image_tokens
from tests.emulator.requests import accepted, chat_body, refused, user

QWEN = "qwen-3.8-27b"


def png(width=64, height=32):
    """The part of a PNG that carries its size."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\x08\x02"


def jpeg(width=64, height=32, *, before=b"", frame=0xC0):
    """The part of a JPEG that carries its size, behind other segments."""
    size = struct.pack(">BBHBHH", 0xFF, frame, 17, 8, height, width)
    return b"\xff\xd8" + before + size + b"\x03"


def uri(content, media_type="image/png"):
    """A data URI."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def part(url=None, **fields):
    """An image part."""
    return {"type": "image_url", "image_url": {"url": url or uri(png()), **fields}}


def with_parts(*parts, model=QWEN):
    """A request with one user message of these parts."""
    return chat_body(model=model, messages=[user([{"type": "text", "text": "What?"}, *parts])])


APP_SEGMENT = b"\xff\xe1" + struct.pack(">H", 6) + b"Exif"


@pytest.mark.parametrize(
    ("url", "media_type", "width", "height"),
    [
        (uri(png(640, 480)), "image/png", 640, 480),
        (uri(jpeg(640, 480), "image/jpeg"), "image/jpeg", 640, 480),
        (uri(jpeg(640, 480, before=APP_SEGMENT), "image/jpeg"), "image/jpeg", 640, 480),
        (uri(jpeg(640, 480, before=b"\xff\xff", frame=0xC2), "image/jpeg"), "image/jpeg", 640, 480),
        (uri(jpeg(1, 15_000, before=b"\xff\x01"), "image/jpeg"), "image/jpeg", 1, 15_000),
    ],
)
def test_image_is_read(url, media_type, width, height):
    """§2.4: PNG and JPEG as data URIs, their size read from the header."""
    (image,) = accepted(with_parts(part(url))).messages[0].images

    assert (image.media_type, image.width, image.height) == (media_type, width, height)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://example.org/a.png", "must be base64 data URIs"),
        (uri(png(), "image/gif"), "must be base64 data URIs"),
        ("data:image/png,abc", "must be base64 data URIs"),
        ("data:image/png;base64,***", "Invalid base64"),
        ("data:image/png;base64,é", "Invalid base64"),
        (uri(b"GIF89a"), "not a valid image/png"),
        (uri(png()[:20]), "not a valid image/png"),
        (uri(png(0, 5)), "not a valid image/png"),
        (uri(jpeg(), "image/png"), "not a valid image/png"),
        (uri(png(), "image/jpeg"), "not a valid image/jpeg"),
        (uri(b"\xff\xd8" + APP_SEGMENT, "image/jpeg"), "not a valid image/jpeg"),
        (uri(b"\xff\xd8\x00" + bytes(20), "image/jpeg"), "not a valid image/jpeg"),
        (uri(jpeg(frame=0xC4), "image/jpeg"), "not a valid image/jpeg"),
    ],
)
def test_unreadable_image_is_refused(url, message):
    """§2.4: external URLs, other formats and broken pictures are a 400 at the part's path."""
    problem = refused(with_parts(part(url)))

    assert problem.message.startswith("messages.0.user.content.1.image_url.url: ")
    assert message in problem.message


@pytest.mark.parametrize("size", [(15_001, 1), (1, 15_001)])
def test_long_side_is_a_413(size):
    """§2.4: a side may have 15,000 pixels."""
    problem = refused(with_parts(part(uri(png(*size)))))

    assert (problem.status, problem.code) == (413, "image_too_large")


def test_payload_of_images_is_limited(monkeypatch):
    """§2.4: 10 MiB in all; the answer is assumed."""
    monkeypatch.setattr(conversations, "MAX_PAYLOAD_BYTES", 100)

    assert refused(with_parts(part(), part())).status == 413


@pytest.mark.parametrize(("tier", "limit"), [("free", 2), ("paid", 10)])
def test_number_of_images_is_limited_by_tier(tier, limit):
    """§2.4: two on the trial, ten for those who pay."""
    body = with_parts(*[part()] * limit)
    too_many = with_parts(*[part()] * (limit + 1))

    assert len(accepted(body, tier=tier).messages[0].images) == limit
    assert f"At most {limit} images" in refused(too_many, tier=tier).message


def test_text_model_names_what_it_takes():
    """§2.4: a text-only model refuses images, naming only `text`."""
    problem = refused(with_parts(part(), model="gpt-oss-120b"))

    assert problem.message == "messages.0.user.content.1.type: Input should be 'text'"


@pytest.mark.parametrize("role", ["system", "user"])
def test_images_belong_to_user_messages(role):
    """§2.4: other roles admit image parts by schema only."""
    body = chat_body(model=QWEN, messages=[{"role": role, "content": [part()]}, user()])

    if role == "user":
        assert accepted(body).messages[0].images
    else:
        assert refused(body).message == "messages.0.system.content.0.type: Input should be 'text'"


def test_detail_is_refused_unless_null():
    """§2.4: `detail` is in the schema and documented as unsupported."""
    assert accepted(with_parts(part(detail=None)))
    assert "image_url.detail' is unsupported" in refused(with_parts(part(detail="high"))).message


def test_undocumented_image_part_is_refused():
    """§2.3: the `image` part is in the schema only."""
    problem = refused(with_parts({"type": "image", "image": uri(png())}))

    assert problem.message.startswith("messages.0.user.content.1.type: Input should be")


def test_images_keep_to_their_messages():
    """Each message has its own images, in order."""
    body = chat_body(
        model=QWEN, messages=[user([part(uri(png(1, 1)))]), user("x"), user([part(uri(png(2, 2)))])]
    )

    widths = [[image.width for image in message.images] for message in accepted(body).messages]

    assert widths == [[1], [], [2]]


@pytest.mark.parametrize(
    ("model", "width", "height", "tokens"),
    [
        (QWEN, 320, 320, 100),
        (QWEN, 321, 32, 11),
        (QWEN, 5_000, 5_000, 2_304),
        ("kimi-k2.7-code", 280, 280, 100),
        ("kimi-k2.7-code", 5_000, 5_000, 2_304),
        ("gemma-4-31b", 480, 480, 100),
        ("gemma-4-31b", 5_000, 5_000, 280),
    ],
)
def test_image_tokens_are_squares_of_the_model_s_grid(model, width, height, tokens):
    """§2.4: grid and maximum of each model."""
    assert image_tokens(Image("image/png", width, height), facts_of(model)) == tokens


def test_image_tokens_are_part_of_the_prompt():
    """§2.4: `image_tokens` are inside `prompt_tokens`."""
    without = accepted(with_parts())
    with_image = accepted(with_parts(part(uri(png(320, 320)))))

    assert with_image.image_tokens == 100
    assert with_image.prompt_tokens == without.prompt_tokens + 100
