"""Creating, changing and deleting policies and their rules."""

from collections.abc import Callable
from typing import Any

from monostack.core.errors import Fault, NotBuilt, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import envelope
from monostack.services.network import attributes, documents, rbac, standard
from monostack.services.network.attributes import Values
from monostack.services.network.changes import changed
from monostack.services.network.qos import rules, table, types, use
from monostack.services.network.qos.rules import RESERVING, TYPES, RuleType, rules_of
from monostack.services.network.qos.table import POLICIES
from monostack.services.network.rbac.kinds import share
from monostack.services.network.tags.api import tag_routes
from monostack.services.network.verbs import Verbs, Within, shown
from monostack.services.network.words import bad, conflict, forbidden

SERVER = "compute:"


def create_policy(tx: Transaction, request: Request, values: Values) -> Row:
    shared, default = values["shared"], values["is_default"]
    if default:
        _check_only_default(tx, values["project_id"])
    row = standard.insert(POLICIES, tx, request, values, revision=1 if default else 0)
    if shared:
        rbac.grant(tx, row.project_id, "qos_policy", row.id, rbac.SHARED)
    return row


def _check_only_default(tx: Transaction, project_id: str, id: str | None = None) -> None:
    if table.default_of(tx, project_id) not in (None, id):
        raise conflict(f"A default QoS policy exists for project {project_id}.", "QoSPolicyDefaultAlreadyExists")


def update_policy(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    if changes.get("is_default"):
        _check_only_default(tx, row.project_id, row.id)
    if "shared" in changes:
        share(tx, "qos_policy", row, changes.pop("shared"))
    return POLICIES.change(tx, request, row, changes)


def delete_policy(tx: Transaction, request: Request, row: Row) -> None:
    user = use.user_of(tx, row.id)
    if user is not None:
        raise conflict(f"QoS Policy {row.id} is used by {user[0]} {user[1]}.", "QosPolicyInUse")
    rbac.forget(tx, row.id)
    standard.remove(POLICIES, tx, request, row)


VERBS = Verbs(POLICIES, create=create_policy, update=update_policy, delete=delete_policy, counted=False, unread=("shared",))


# --- rules ---------------------------------------------------------------------------------------------------------------


def _changed(tx: Transaction, request: Request, kind: RuleType, policy_id: str) -> None:
    """The policy is another from now on: what is under it can follow, and the hosts hear of it."""
    ports = use.ports_under(tx, policy_id)
    use.check_ports(tx, policy_id, use.mappings(ports))
    if kind in RESERVING and any(port.device_owner.startswith(SERVER) for port in ports):
        text = "Cannot update QoS policies/rules backed by resources tracked in Placement"
        raise NotBuilt(text, kind="HTTPNotImplemented")
    standard.bump(POLICIES, tx, [policy_id])
    changed(tx, request.cloud, "port", [port.id for port in ports])
    changed(tx, request.cloud, "router", [*use.routers_under(tx, policy_id), *use.routers_of(ports)])


def _create_rule(kind: RuleType) -> Callable[[Transaction, Request, Values], Row]:
    def create(tx: Transaction, request: Request, values: Values) -> Row:
        policy_id = values["qos_policy_id"]
        rules.check(policy_id, rules_of(tx, [policy_id]).get(policy_id, ()), kind, values, values)
        row = kind.resource.insert(tx, request, values)
        _changed(tx, request, kind, policy_id)
        return row

    return create


def _update_rule(kind: RuleType) -> Callable[[Transaction, Request, Row, Values], Row]:
    def update(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
        policy_id = row.qos_policy_id
        rules.check(policy_id, rules_of(tx, [policy_id]).get(policy_id, ()), kind, changes, {**row._mapping, **changes})
        if changes:
            row = kind.resource.change(tx, request, row, changes)
            _changed(tx, request, kind, policy_id)
        return row

    return update


def _delete_rule(kind: RuleType) -> Callable[[Transaction, Request, Row], None]:
    def delete(tx: Transaction, request: Request, row: Row) -> None:
        kind.resource.remove(tx, request, row)
        _changed(tx, request, kind, row.qos_policy_id)

    return delete


def no_rule(policy_id: str, id: str) -> Fault:
    return NotFound(f"QoS rule {id} for policy {policy_id} could not be found.", kind="QosRuleNotFound")


def _verbs(kind: RuleType) -> Verbs:
    return Verbs(
        kind.resource,
        create=_create_rule(kind),
        update=_update_rule(kind),
        delete=_delete_rule(kind),
        counted=False,
        within=Within(POLICIES, "qos_policy_id", no_rule),
    )


# --- rules by their own ids: /qos/alias-bandwidth-limit-rules/{id} ---------------------------------------------------------


def _alias_routes(kind: RuleType) -> Routes:
    resource, name = kind.resource, f"alias_{kind.name}_rule"
    routes = Routes(f"/v2.0/qos/alias-{kind.name.replace('_', '-')}-rules/{{id}}")
    body = documents.one_of(name, resource.body_schema("update")["properties"][resource.singular])

    answer = envelope(name, resource.answer)

    def find(request: Request, tx: Transaction, action: str) -> Row:
        try:
            row = resource.get(request, tx, request.params["id"])
        except NotFound:
            raise no_rule("", request.params["id"]) from None
        facts = {**row._mapping, "ext_parent:project_id": table.get(tx, row.qos_policy_id).project_id}
        if not request.allows(f"{action}_{name}", facts):
            raise forbidden(f"rule:{action}_{name}")
        return row

    def render(request: Request, tx: Transaction, row: Row) -> Any:
        return {name: shown(resource.views(request, tx, [row])[0])}

    @routes.get("", policy=f"get_{name}", answer=answer)
    def show_rule(request: Request, tx: Transaction) -> Any:
        """Show a rule."""
        return render(request, tx, find(request, tx, "get"))

    @routes.put("", policy=f"update_{name}", body_document=body, answer=answer)
    def update_rule(request: Request, tx: Transaction) -> Any:
        """Change a rule."""
        given = request.body.get(name) if isinstance(request.body, dict) else None
        if not isinstance(given, dict):
            raise bad(f"Unable to find '{name}' in request body")
        changes = attributes.accept_update(request, resource, dict(given))
        return render(request, tx, _update_rule(kind)(tx, request, find(request, tx, "update"), changes))

    @routes.delete("", policy=f"delete_{name}")
    def delete_rule(request: Request, tx: Transaction) -> None:
        """Delete a rule."""
        _delete_rule(kind)(tx, request, find(request, tx, "delete"))

    return routes


ALIASED = tuple(kind for kind in TYPES if kind is not rules.PACKET_RATE_LIMIT)
# Neutron has the tags of all resources in one place, whatever their prefix; clients look for them below the resource too.
_tags = (tag_routes(VERBS), tag_routes(VERBS, "/v2.0/policies"))
routes = [types.routes, VERBS.routes(), *_tags, *[_verbs(kind).routes() for kind in TYPES], *map(_alias_routes, ALIASED)]
