"""The types of rules the hosts do: `/qos/rule-types`. Source: Neutron's extensions qos-rule-type-details and qos-rule-type-filter."""

from collections.abc import Iterable
from typing import Any

from monostack.core.errors import Forbidden, NotFound
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import ANYTHING, INTEGER, TEXT, Record, either, envelope, many, mapping
from monostack.resources import Field
from monostack.services.network.attributes import is_admin
from monostack.services.network.qos.rules import LARGEST, TYPES, RuleType
from monostack.services.network.style import check_filters, only_fields, other_parameters
from monostack.services.network.values import to_boolean

DRIVER = "linuxbridge"  # Neutron's name for what shapes ports on Linux bridges
FILTERS = ("all_rules", "all_supported")

routes = Routes("/v2.0/qos/rule-types")


_CHOICES = {"parameter_name": TEXT, "parameter_type": TEXT, "parameter_values": either(many(ANYTHING), mapping(INTEGER))}
_DRIVER = Record("RuleTypeDriver", {"name": TEXT, "supported_parameters": many(Record("RuleTypeParameter", _CHOICES))})
_RULE_TYPE = Record("RuleType", {"type": TEXT, "drivers": many(_DRIVER)})


@routes.get("", policy="get_rule_type", answer=envelope("rule_types", many(envelope("type", TEXT))))
def list_rule_types(request: Request, tx: Transaction) -> Any:
    """List the types that can be used."""
    check_filters(other_parameters(request), *FILTERS)
    to_boolean(request.query_map.get("all_rules", "false"))  # all that there are can be used
    kinds: Iterable[RuleType] = TYPES if request.allows("get_rule_type") else ()
    return {"rule_types": only_fields(request, ({"type": kind.name} for kind in kinds))}


@routes.get("/{id}", policy="get_rule_type", answer=envelope("rule_type", _RULE_TYPE))
def show_rule_type(request: Request, tx: Transaction) -> Any:
    """Show what rules of a type may say."""
    if not is_admin(request):
        raise Forbidden("Not authorized.", kind="NotAuthorized")
    kind = next((kind for kind in TYPES if kind.name == request.params["id"]), None)
    if kind is None:
        raise NotFound("The resource could not be found.", kind="HTTPNotFound")
    parameters = [_parameter(field) for field in kind.resource.fields if field.create]
    drivers = [{"name": DRIVER, "supported_parameters": parameters}]
    return {"rule_type": only_fields(request, [{"type": kind.name, "drivers": drivers}])[0]}


def _parameter(field: Field) -> dict[str, Any]:
    choices = field.kind.schema.get("enum")
    if choices is not None:
        return {"parameter_name": field.name, "parameter_type": "choices", "parameter_values": choices}
    return {"parameter_name": field.name, "parameter_type": "range", "parameter_values": {"start": 0, "end": LARGEST}}
