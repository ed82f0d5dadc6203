"""The server's OpenAPI document, and the same as one page for people that loads nothing from elsewhere.

Takes the request and reply records, gives the document: what the code checks is what it says.
"""

from __future__ import annotations

import html
import importlib.metadata
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from rag.server import replies
from rag.server.requests import ChatRequest, EmbeddingRequest

_REF = "#/components/schemas/"
_REQUESTS: tuple[type[BaseModel], ...] = (ChatRequest, EmbeddingRequest)
_REPLIES: tuple[type[BaseModel], ...] = (
    replies.Completion,
    replies.Embeddings,
    replies.Models,
    replies.Model,
)
_ERRORS = {
    400: "something in the request is wrong; `param` says what",
    401: "no key, or one that the server does not know",
    403: "a page of another origin asks",
    404: "there is no such model, or nothing at this path",
    408: "the request's body did not come in time",
    413: "the body is too large",
    415: "the body is not application/json",
    421: "the server is not called by that Host",
    429: "the line is full; Retry-After says when to come again",
    503: "index or model can't be used now",
}
_ALWAYS = (401, 403, 408, 413, 421, 503)
_OF_POSTS = (400, 404, 415, 429)


@cache
def document(*, locked: bool = False) -> dict[str, Any]:
    """The document, OpenAPI 3.1; `locked` where a key is needed."""
    pairs = [(model, "validation") for model in _REQUESTS] + [(model, "serialization") for model in _REPLIES]
    _, schemas = models_json_schema(pairs, ref_template=_REF + "{model}")  # type: ignore[arg-type]
    text = {"type": "string"}
    maybe = {"type": ["string", "null"]}
    error = {"message": text, "type": text, "param": maybe, "code": maybe}
    wrapped = {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "object", "required": list(error), "properties": error}},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "openchat-rag",
            "version": importlib.metadata.version("openchat-rag"),
            "description": "Questions about the documents of one index, answered with citations.",
        },
        "paths": _paths(),
        "components": {
            "schemas": {**schemas["$defs"], "Error": wrapped},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "responses": {str(status): _error(text) for status, text in _ERRORS.items()},
        },
        "security": [{"key": []}] if locked else [],
    }


def _paths() -> dict[str, Any]:
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    stream = {"text/event-stream": {"schema": {"type": "string"}}}
    return {
        "/v1/chat/completions": {
            "post": _post("Ask about the documents", "ChatRequest", "Completion", further=stream)
        },
        "/v1/embeddings": {"post": _post("Embed texts", "EmbeddingRequest", "Embeddings")},
        "/v1/models": {"get": _get("The names that model may have", _json("Models"))},
        "/v1/models/{name}": {
            "parameters": [name],
            "get": _get("One of them", _json("Model"), further=(404,)),
        },
        "/health": {
            "get": {**_get("Whether the index can be read", _object()), "security": []},
        },
        "/metrics": {"get": _get("Numbers for Prometheus", {"text/plain": {"schema": {"type": "string"}}})},
        "/openapi.json": {"get": _get("This document", _object())},
        "/docs": {"get": _get("This document for people", {"text/html": {"schema": {"type": "string"}}})},
    }


def _get(summary: str, content: dict[str, Any], *, further: tuple[int, ...] = ()) -> dict[str, Any]:
    return {"summary": summary, "responses": _responses(content, (*_ALWAYS, *further))}


def _post(summary: str, request: str, reply: str, *, further: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": _json(request)},
        "responses": _responses({**_json(reply), **(further or {})}, (*_ALWAYS, *_OF_POSTS)),
    }


def _responses(content: dict[str, Any], errors: tuple[int, ...]) -> dict[str, Any]:
    found = {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(errors)}
    return {"200": {"description": "As asked for", "content": content}, **found}


def _error(text: str) -> dict[str, Any]:
    return {"description": text, "content": _json("Error")}


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF + schema}}}


def _object() -> dict[str, Any]:
    return {"application/json": {"schema": {"type": "object"}}}


# --- for people ---------------------------------------------------------------------------------------

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1f2326;"
    "background:#fdfcf9}code{background:#f3f1ea;padding:.1em .3em}table{border-collapse:collapse}"
    "td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #e3dfd5}"
    "h1,h2{font-family:serif;font-weight:500}"
)


@cache
def page() -> str:
    """The document as HTML: routes, parameters, replies."""
    whole = document()
    sections = [
        _section(path, method, operation, whole["components"]["schemas"])
        for path, methods in whole["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>openchat-rag</title>'
        f"<style>{_STYLE}</style></head><body><h1>openchat-rag {html.escape(whole['info']['version'])}</h1>"
        f'<p>{html.escape(whole["info"]["description"])} The document itself: <a href="/openapi.json">'
        f"openapi.json</a>.</p>{''.join(sections)}</body></html>"
    )


def _section(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    parts = [f"<h2><code>{method.upper()} {html.escape(path)}</code></h2><p>{operation['summary']}.</p>"]
    content = operation.get("requestBody", {}).get("content", {})
    for given in content.values():
        schema = schemas[given["schema"]["$ref"].removeprefix(_REF)]
        rows = "".join(
            f"<tr><td><code>{html.escape(name)}</code></td>"
            f"<td>{'needed' if name in schema['required'] else ''}</td>"
            f"<td>{html.escape(_allowed(field))}</td>"
            f"<td>{html.escape(field.get('description', ''))}</td></tr>"
            for name, field in schema["properties"].items()
        )
        parts.append(f"<table>{rows}</table>")
    errors = [status for status in operation["responses"] if status != "200"]
    parts.append(f"<p>Errors: {', '.join(f'{status} {_ERRORS[int(status)]}' for status in errors)}.</p>")
    return "".join(parts)


def _allowed(field: dict[str, Any]) -> str:
    """A field's schema in a few words."""
    if "$ref" in field:
        return str(field["$ref"]).removeprefix(_REF)
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(map(_allowed, field["anyOf"])))
    if "const" in field:
        return repr(field["const"])
    if "enum" in field:
        return " or ".join(map(repr, field["enum"]))
    names = {"minimum": "from", "maximum": "to", "exclusiveMaximum": "below", "maxItems": "at most"}
    bounds = [f"{word} {field[name]}" for name, word in names.items() if name in field]
    kind = str(field.get("type", ""))
    if kind == "array" and field.get("items"):
        kind = f"list of {_allowed(field['items'])}"
    return " ".join([kind, *bounds])
