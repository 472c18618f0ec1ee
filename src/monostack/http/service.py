"""A service: what it is called, where it lives, how it speaks, and what it serves. The composition root mounts them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monostack.core.errors import Fault
from monostack.http.request import Request
from monostack.http.response import Response
from monostack.http.routing import Routes, Version
from monostack.http.schema import ValidationError


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a service words what goes wrong. Status codes and texts are those of the OpenStack service."""

    fault: Callable[[Fault, Request], Response]
    invalid: Callable[[ValidationError, Request], Fault]  # a body that breaks its schema
    invalid_query: Callable[[ValidationError, Request], Fault] | None = None
    faults: Sequence[Any] = ()  # what its faults look like: schemas, or Media (http.answers)
    unauthenticated: Callable[[Request], Response] | None = None  # no valid token; None: keystonemiddleware's answer
    forbidden: Callable[[str, Request], str] | None = None  # the text for a policy rule that refuses
    first_error: bool = False  # of a body with several the first is told, not the most relevant
    malformed_json: str = "The request body is not valid JSON."
    content_types: frozenset[str] = frozenset()  # of JSON bodies: others are 415, and a body without a type is not looked at; empty: any
    foreign_project: str = "Malformed request url"  # the path names another project ({given}) than the token ({own})
    no_route: str = "The resource could not be found."
    no_method: str = "The method is not allowed for this resource."
    path_first: bool = False  # a path or method there is not is told before anything is asked of the token
    always: Mapping[str, str] = field(default_factory=dict[str, str])  # headers on every answer
    empty_type: str | None = None  # the content type of an answer without a body
    request_id: str | None = None  # a further header for the request's id, on answers of the service itself: x-compute-request-id


@dataclass(frozen=True, slots=True)
class Microversions:
    """Which header carries the microversion and what range is served. `name` is the service's in `OpenStack-API-Version: <name> 2.1`."""

    name: str
    minimum: Version
    maximum: Version
    legacy_header: str | None = None  # X-OpenStack-Nova-API-Version
    path: str = ""  # only below this path ("/v2.1"); version documents have none
    default: Version | None = None  # without a header; the minimum if None
    fixed: Mapping[str, Version] = field(default_factory=dict[str, Version])  # "v2": (2, 0): an old API that knows no header
    echo_refused: bool = False  # the headers of a 406 name the version that was asked for
    form: re.Pattern[str] = re.compile(r"^([1-9]\d*)\.([1-9]\d*|0)$")  # what a version looks like; anything else is a 400
    vary: str = "OpenStack-API-Version"  # the headers that answers depend on


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """One OpenStack service of the cloud. There is one object of each, which is equal to itself alone."""

    type: str  # as in the catalog: compute
    name: str  # nova
    prefix: str  # /compute
    dialect: Dialect
    routes: Sequence[Routes]
    policies: Sequence[Any] = ()
    policy_kinds: Mapping[str, Any] | None = None  # check kinds beyond oslo.policy's own, such as Neutron's
    description: str = ""
    microversions: Microversions | None = None
    catalog_path: str = ""  # appended to the prefix in the catalog: /v2.1, /v3/%(project_id)s
    aliases: tuple[str, ...] = ()  # further types under which clients look for it: volumev3, block-storage
    project_in_path: str | None = None  # regular expression with the groups head, project, tail; the project is taken out of the path
    workflows: Sequence[Any] = ()
    reconcilers: Sequence[Any] = ()
    bootstrap: Callable[..., Any] | None = None  # (tx, cloud): rows every cloud has, written once, idempotent
    start: Callable[[Any], None] | None = None  # (cloud): on the loop before hosts connect, e.g. to listen to them
    respelled: Callable[[str], str | None] | None = None  # how else a path may be written that no route has
    suffix: re.Pattern[str] | None = None  # what a path below the version may end in, as of clients that name the format: /networks.json
    strict_paths: bool = False  # a path that ends in a slash is another path
    max_body: int = 114688  # bytes of a JSON body, as oslo.middleware's default
