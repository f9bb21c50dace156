"""The model lists, the key's own and the public one, in three formats (API specification §6)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from cerebras_ext.emulator.problems import invalid_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cerebras_ext.catalog import ModelFacts

__all__ = ["model_json", "models_json"]

# The one creation time that was recorded; all other models say 0.
_PUBLIC_CREATED = {"gpt-oss-120b": 1754438400}

_VENDORS = {"openai": "OpenAI", "meta-llama": "Meta"}

_SAMPLING_PARAMETERS = (
    "temperature",
    "top_p",
    "seed",
    "stop",
    "max_completion_tokens",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
)
_UNSUPPORTED_PARAMETERS = ("logprobs", "top_logprobs", "repetition_penalty")


def models_json(models: Iterable[ModelFacts], format: str, *, is_public: bool) -> dict[str, Any]:
    """The list of `models` in one of the formats.

    Raises:
        ApiProblem: There is no such format.
    """
    data = [model_json(facts, format, is_public=is_public) for facts in models]
    # The OpenRouter format has no `object` beside its data.
    return {"data": data} if format == "openrouter" else {"object": "list", "data": data}


def model_json(facts: ModelFacts, format: str, *, is_public: bool) -> dict[str, Any]:
    """One model in one of the formats.

    Raises:
        ApiProblem: There is no such format.
    """
    forms: Mapping[str, Callable[[ModelFacts], dict[str, Any]]] = {
        "default": _public if is_public else _plain,
        "openrouter": _openrouter,
        "huggingface": _huggingface,
    }
    if format not in forms:
        raise invalid_request(
            "format: Input should be 'default', 'openrouter' or 'huggingface'", param="format"
        )
    return forms[format](facts)


def _plain(facts: ModelFacts) -> dict[str, Any]:
    return {"id": facts.id, "object": "model", "created": 0, "owned_by": "Cerebras"}


def _openrouter(facts: ModelFacts) -> dict[str, Any]:
    prompt, completion = _usd_per_token(facts)
    return {
        "id": f"cerebras/{facts.id}",
        "name": facts.name,
        "created": _PUBLIC_CREATED.get(facts.id, 0),
        "context_length": _context_length(facts),
        "max_output_length": _output_length(facts),
        "pricing": {
            "prompt": prompt,
            "completion": completion,
            "image": "0",
            "request": "0",
            "input_cache_read": prompt,
            "input_cache_write": "0",
        },
        "description": _description(facts),
        "hugging_face_id": facts.vendor_model,
        "input_modalities": ["text", "image"] if facts.takes_images else ["text"],
        "output_modalities": ["text"],
        "quantization": None,
        "supported_features": _features(facts),
        "supported_sampling_parameters": list(_SAMPLING_PARAMETERS),
        "datacenters": [{"country_code": "US"}],
        "openrouter": {"slug": facts.vendor_model or facts.id},
    }


def _huggingface(facts: ModelFacts) -> dict[str, Any]:
    return {
        **_plain(facts),
        "context_length": _context_length(facts),
        "pricing": {
            "input": facts.price_input_usd_per_mtok or 0,
            "output": facts.price_output_usd_per_mtok or 0,
        },
        "capabilities": {
            "function_calling": facts.supports_tools,
            "streaming": True,
            "structured_outputs": facts.supports_json_schema,
            "vision": facts.takes_images,
        },
        "hugging_face_id": facts.vendor_model,
    }


def _public(facts: ModelFacts) -> dict[str, Any]:
    prompt, completion = _usd_per_token(facts)
    return {
        "id": facts.id,
        "object": "model",
        "created": _PUBLIC_CREATED.get(facts.id, 0),
        "owned_by": _vendor(facts),
        "name": facts.name,
        "description": _description(facts),
        "hugging_face_id": facts.vendor_model,
        "pricing": {"prompt": prompt, "completion": completion},
        "capabilities": {
            "streaming": True,
            "function_calling": facts.supports_tools,
            "structured_outputs": facts.supports_json_schema,
            "vision": facts.takes_images,
            "json_mode": True,
            "tools": facts.supports_tools,
            "tool_choice": facts.supports_tool_choice,
            "parallel_tool_calls": facts.supports_parallel_tool_calls,
            "response_format": True,
            "reasoning": facts.is_reasoning,
        },
        "supported_parameters": {
            **dict.fromkeys(_SAMPLING_PARAMETERS, True),
            **dict.fromkeys(_UNSUPPORTED_PARAMETERS, False),
        },
        "architecture": {
            "modality": "text+vision" if facts.takes_images else "text",
            "tokenizer": None,
            "instruct_type": None,
        },
        "limits": {
            "max_context_length": _context_length(facts),
            "max_completion_tokens": _output_length(facts),
            "requests_per_minute": None,
            "tokens_per_minute": None,
        },
        "datacenter_locations": [],
        "deprecated": facts.is_retired,
        "preview": facts.status == "preview",
        "quantization": None,
    }


def _context_length(facts: ModelFacts) -> int:
    return facts.context_window_paid or facts.context_window


def _output_length(facts: ModelFacts) -> int | None:
    return facts.max_output_tokens_paid or facts.max_output_tokens


def _usd_per_token(facts: ModelFacts) -> tuple[str, str]:
    """Prices of a prompt and a completion token, as decimal strings."""
    prices = (facts.price_input_usd_per_mtok, facts.price_output_usd_per_mtok)
    prompt, completion = (f"{Decimal(str(price or 0)) / 1_000_000:f}" for price in prices)
    return prompt, completion


def _features(facts: ModelFacts) -> list[str]:
    has = {
        "tools": facts.supports_tools,
        "json_mode": True,
        "structured_outputs": facts.supports_json_schema,
        "reasoning": facts.is_reasoning,
    }
    return [name for name, is_supported in has.items() if is_supported]


def _vendor(facts: ModelFacts) -> str:
    organisation = (facts.vendor_model or "Cerebras").partition("/")[0]
    return _VENDORS.get(organisation, organisation)


def _description(facts: ModelFacts) -> str:
    return f"{facts.name} on Cerebras Inference, as emulated locally."
