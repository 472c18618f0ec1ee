"""Holds every answer of the application to what its operation declares: status, content type, and each key of the body."""

import threading
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import msgspec

import reached
from monostack.http import Request, Response, Route
from monostack.http.answers import NOTHING, Media, document
from monostack.http.app import HttpApp

_FORMATS = {"uuid": lambda value: len(value.replace("-", "")) == 32}
_validators: dict[Any, Any] = {}
_broken: list[str] = []
_lock = threading.Lock()
_answer = HttpApp._answer


def _relaxed(value: Any) -> Any:
    """Without what is required: the caller asked for some attributes only."""
    if isinstance(value, dict):
        return {name: _relaxed(inner) for name, inner in value.items() if name != "required"}
    return [_relaxed(inner) for inner in value] if isinstance(value, list) else value


def _validator(schema: Any, version: Any, partial: bool) -> Any:
    key = (id(schema), version, partial)
    if key not in _validators:
        rendered = document(schema, version or (0, 0))
        rendered = _relaxed(rendered) if partial else rendered
        # The schema is kept, so that no other gets its identity.
        _validators[key] = jsonschema_rs.Draft202012Validator(rendered, validate_formats=True, formats=_FORMATS), schema
    return _validators[key][0]


def _served(route: Route, request: Request) -> Route:
    """The route, or of several actions the one that the body names."""
    if not route.actions:
        return route
    body = request.body
    actions = route.actions.get(next(iter(body)), ()) if isinstance(body, dict) and len(body) == 1 else ()
    return next((action for action in actions if action.serves(request.microversion)), route)


def _expected(request: Request, response: Response) -> list[Any] | None:
    """The schemas one of which must hold; None where nothing is declared."""
    assert request.route is not None
    if response.status >= 400:
        return [*request.service.dialect.faults, NOTHING]
    route = _served(request.route, request)
    if route.answers is None:
        return None
    declared = route.answers.get(response.status, ())
    return list(declared) if isinstance(declared, tuple) else [declared]


def _alternatives(schema: Any) -> list[Any]:
    return schema["anyOf"] if isinstance(schema, dict) and set(schema) == {"anyOf"} else [schema]


def fault_of(request: Request, response: Response) -> str | None:
    """What is wrong with an answer, or None."""
    if request.route is None or request.method == "HEAD":
        return None
    expected = _expected(request, response)
    if expected is None:
        return None
    if not expected:
        return f"the status {response.status} is not declared"
    given = response.content_type or ""
    if response.stream is None and not response.payload:
        return None if NOTHING in expected or Media in map(type, expected) else "the answer is empty"
    if any(isinstance(schema, Media) and given.startswith(schema.content_type) for schema in expected):
        return None
    schemas = [one for schema in expected if schema is not NOTHING and not isinstance(schema, Media) for one in _alternatives(schema)]
    if not schemas:
        return f"a body of {given} is not declared: {response.payload[:300]!r}"
    if not given.startswith("application/json"):
        return f"{given} is not declared"
    value = msgspec.json.decode(response.payload)
    partial = any(name == "fields" for name, _ in request.query)
    validators = [_validator(schema, request.microversion, partial) for schema in schemas]
    if any(validator.is_valid(value) for validator in validators):
        return None
    wrong = [[_told(error) for error in validator.iter_errors(value)] for validator in validators]
    return "; ".join(min(wrong, key=len))


def _told(error: Any) -> str:
    return f"{'/'.join(map(str, error.instance_path))}: {error.message[:300]}"


async def _held(self: HttpApp, request: Request) -> Response:
    response = await _answer(self, request)
    reached.note(request, response)
    wrong = fault_of(request, response)
    if wrong is not None:
        version = ".".join(map(str, request.microversion)) if request.microversion else ""
        route = request.route.path if request.route is not None else ""
        with _lock:
            _broken.append(f"{request.service.type} {request.method} {route} {version} {response.status}: {wrong}")
    return response


def watch() -> None:
    """From now on every application of this process is held to what it declares."""
    HttpApp._answer = _held


def broken() -> Iterator[str]:
    """What has been wrong since the last call."""
    with _lock:
        yield from dict.fromkeys(_broken)
        _broken.clear()
