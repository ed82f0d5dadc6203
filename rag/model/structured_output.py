"""Answers as JSON of a given schema, held to it by a grammar.

Takes a LangChain chat model that accepts `grammar=` and a schema (pydantic class, TypedDict, JSON schema),
gives a `Runnable` whose output is the parsed object. The model cannot write anything else, though it can
run out of room in the middle of it: that is an error which says so. Does not know the model.
"""

from __future__ import annotations

import json
from operator import itemgetter
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import BaseOutputParser, JsonOutputParser, PydanticOutputParser
from langchain_core.runnables import Runnable, RunnableLambda, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass

from rag.errors import ModelFailed, UsageError


def structured(
    model: BaseChatModel, schema: dict[str, Any] | type, *, include_raw: bool
) -> Runnable[LanguageModelInput, Any]:
    """`model` held to `schema`; with `include_raw`, a dict of `raw`, `parsed` and `parsing_error`."""
    json_schema = convert_to_json_schema(schema)
    bound = model.bind(
        grammar=schema_grammar(json_schema),
        ls_structured_output_format={"kwargs": {"method": "json_schema"}, "schema": json_schema},
    )
    parser: BaseOutputParser[Any]
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        parser = PydanticOutputParser(pydantic_object=schema)
    else:
        parser = JsonOutputParser()
    if not include_raw:
        return bound | RunnableLambda(_whole) | parser if _is_final(parser) else bound | parser
    parsed = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
    ).with_fallbacks([RunnablePassthrough.assign(parsed=lambda _: None)], exception_key="parsing_error")
    return RunnableMap(raw=bound) | parsed


def schema_grammar(json_schema: dict[str, Any]) -> str:
    """GBNF that admits exactly the JSON of a schema (llama.cpp's own converter); `UsageError` if it can't."""
    from llama_cpp.llama_grammar import json_schema_to_gbnf

    try:
        return str(json_schema_to_gbnf(json.dumps(json_schema)))
    except Exception as error:  # the converter raises bare exceptions of several kinds
        raise UsageError(f"this JSON schema can't be made a grammar: {error}") from error


def _is_final(parser: BaseOutputParser[Any]) -> bool:
    return isinstance(parser, PydanticOutputParser)


def _whole(message: AIMessage) -> AIMessage:
    if message.response_metadata.get("finish_reason") == "length":
        raise ModelFailed(
            f"the answer was cut after {len(str(message.content))} characters, in the middle of its JSON: "
            "give more max_tokens"
        )
    return message
