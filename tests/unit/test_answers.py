"""Every operation says what it answers, and the schemas hold together."""

import jsonschema_rs
import pytest

from monostack.app import SERVICES
from monostack.http.answers import ANYTHING, Key, Record, changing, document, envelope, many, maybe, optional, since, until
from monostack.http.openapi import describe
from monostack.http.service import Service

TEXT = {"type": "string"}


def test_every_operation_says_what_it_answers() -> None:
    routes = [(service.type, route) for service in SERVICES for group in service.routes for route in group.entries]
    undeclared = sorted({f"{service} {route.method} {route.path}" for service, route in routes if route.answers is None})
    assert not undeclared, "routes without answer=... (http.answers): " + ", ".join(undeclared)


@pytest.mark.parametrize("service", SERVICES, ids=[service.type for service in SERVICES])
def test_the_documents_are_sound_at_every_end(service: Service) -> None:
    """Titles are unique, references lead somewhere, and the schemas are schemas: whatever the microversion."""
    spec = service.microversions
    for version in (None, *((spec.minimum, spec.maximum) if spec else ())):
        described = describe(service, version)
        for schema in described["components"]["schemas"].values():
            jsonschema_rs.meta.validate(schema)


def test_a_record_knows_the_microversions() -> None:
    thing = Record("Thing", {"id": TEXT, "new": since((2, 3), TEXT), "old": until((2, 2), TEXT), "rare": optional(maybe(TEXT))})
    known = document(thing, (2, 2))["components"]["schemas"]["Thing"]
    assert list(known["properties"]) == ["id", "old", "rare"]
    assert known["required"] == ["id", "old"]
    assert known["additionalProperties"] is False
    assert document(thing, (2, 3))["components"]["schemas"]["Thing"]["required"] == ["id", "new"]
    every = document(thing)["components"]["schemas"]["Thing"]
    assert every["required"] == ["id"]
    assert every["properties"]["new"] == {"type": "string", "x-openstack": {"min-ver": "2.3"}}
    assert every["properties"]["old"]["x-openstack"] == {"max-ver": "2.2"}


def test_a_schema_may_be_another_from_a_microversion_on() -> None:
    changed = envelope("thing", changing(((2, 1), TEXT), ((2, 5), many(TEXT))))
    assert document(changed, (2, 4))["properties"]["thing"] == TEXT
    assert document(changed, (2, 5))["properties"]["thing"]["type"] == "array"


def test_two_schemas_may_not_share_a_title() -> None:
    both = Record("", {"a": Record("Same", {}), "b": Record("Same", {"c": Key(ANYTHING)})})
    with pytest.raises(ValueError, match="Same"):
        document(both)
