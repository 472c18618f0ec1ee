"""The rules of policies: their types, what each may say, and which do not go together. Texts and checks are Neutron's."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from monostack.db import Id, Row, Transaction
from monostack.http.answers import ID, INTEGER, choice, either
from monostack.resources import Field, Kind, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.lookup import among, read
from monostack.services.network.rbac.table import SHARED, visible
from monostack.services.network.scopes import scope_of
from monostack.services.network.style import STYLE
from monostack.services.network.values.plain import to_int
from monostack.services.network.words import conflict

DIRECTIONS, ANY = ("ingress", "egress"), "any"
MARKS = (0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 46, 48, 56)
"""The DSCP values Neutron takes. Source: RFC 2474, RFC 2597, RFC 3246."""
LARGEST = 2**31 - 1


def _amount(name: str, **options: Any) -> Field:
    def accept(value: Any) -> int:
        number = to_int(value)
        if number < 0:
            raise ValueError(f"'{number}' is too small - must be at least '0'")
        if number > LARGEST:
            raise ValueError(f"'{number}' is too large - must be no larger than '{LARGEST}'")
        return number

    kind = Kind(sa.BigInteger(), {"type": ["integer", "string"], "minimum": 0, "maximum": LARGEST}, to_int, accept=accept, answer=INTEGER)
    return Field(name, kind, **{"create": True, "update": True, "default": REQUIRED, **options})


def _direction(*allowed: str) -> Field:
    return Field("direction", values.choice(*allowed), default="egress", create=True, update=True)


def _mark(name: str) -> Field:
    kind = values.choice(*MARKS)
    check = kind.accept
    assert check is not None
    number = Kind(sa.Integer(), kind.schema, to_int, accept=lambda value: check(to_int(value)))
    return Field(name, number, default=REQUIRED, create=True, update=True)


_policies = sa.table("qos_policies", sa.column("id", sa.String), sa.column("project_id", sa.String))  # its module imports this one


def _in_known_policy(table: sa.Table) -> Any:
    p = _policies.c
    known = sa.select(p.id).where(sa.or_(p.project_id == sa.bindparam("caller_project"), p.id.in_(visible((SHARED,)))))
    return table.c.qos_policy_id.in_(known)


@dataclass(frozen=True, eq=False)
class RuleType:
    """A type of rule. `alike`: two rules of a policy may not agree in these."""

    name: str
    resource: Resource
    alike: tuple[str, ...]


def _type(name: str, *fields: Field) -> RuleType:
    resource = Resource(
        f"{name}_rule",
        f"{name}_rules",
        STYLE,
        path=f"/v2.0/qos/policies/{{id}}/{name}_rules",
        table_name=f"qos_{name}_rules",
        fields=(Field("id", values.uuid()), *fields),
        columns=(
            sa.Column("qos_policy_id", Id(), sa.ForeignKey("qos_policies.id", ondelete="CASCADE"), nullable=False, index=True),
        ),
        scopes=Scopes(scope_of, {"all": None, "project": _in_known_policy}),
    )
    return RuleType(name, resource, tuple(f.name for f in fields if f.name == "direction"))


BANDWIDTH_LIMIT = _type("bandwidth_limit", _amount("max_kbps"), _amount("max_burst_kbps", default=0), _direction(*DIRECTIONS))
DSCP_MARKING = _type("dscp_marking", _mark("dscp_mark"))
MINIMUM_BANDWIDTH = _type("minimum_bandwidth", _amount("min_kbps"), _direction(*DIRECTIONS))
MINIMUM_PACKET_RATE = _type("minimum_packet_rate", _amount("min_kpps"), _direction(*DIRECTIONS, ANY))
PACKET_RATE_LIMIT = _type("packet_rate_limit", _amount("max_kpps"), _amount("max_burst_kpps", default=0), _direction(*DIRECTIONS))
TYPES = (BANDWIDTH_LIMIT, DSCP_MARKING, MINIMUM_BANDWIDTH, MINIMUM_PACKET_RATE, PACKET_RATE_LIMIT)
DESCRIBED = either(
    *[
        kind.resource.answer.with_keys(f"Policy{kind.resource.answer.title}", {"qos_policy_id": ID, "type": choice(kind.name)})
        for kind in TYPES
    ]
)
"""A rule as its policy shows it."""
RESERVING = (MINIMUM_BANDWIDTH, MINIMUM_PACKET_RATE)  # what Placement counts

_RULES_OF = {
    kind.name: sa.select(kind.resource.table).where(among(kind.resource.table.c.qos_policy_id)).order_by(kind.resource.table.c.id)
    for kind in TYPES
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a policy, whatever its type."""

    kind: RuleType
    row: Row

    def get(self, name: str) -> Any:
        return self.row._mapping.get(name)


def rules_of(tx: Transaction, policy_ids: Collection[str], kinds: Sequence[RuleType] = TYPES) -> dict[str, list[Rule]]:
    """The rules of each of these policies, by type."""
    found: dict[str, list[Rule]] = {}
    for kind in kinds if policy_ids else ():
        for row in read(tx, _RULES_OF[kind.name], policy_ids):
            found.setdefault(row.qos_policy_id, []).append(Rule(kind, row))
    return found


def described(tx: Transaction, policy_ids: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """The rules as a policy shows them."""
    found = rules_of(tx, policy_ids)
    return {id: [{**rule.row._mapping, "type": rule.kind.name} for rule in rules] for id, rules in found.items()}


# --- what does not go together -----------------------------------------------------------------------------------------


def check(policy_id: str, present: Sequence[Rule], kind: RuleType, given: Mapping[str, Any], whole: Mapping[str, Any]) -> None:
    """A rule that is made or changed, by what was given of it and as a whole (with its id, if it has one), beside those present."""
    others = [rule for rule in present if rule.row.id != whole.get("id")]
    _check_bandwidths(policy_id, present, given)
    if kind is MINIMUM_PACKET_RATE:
        for rule in others:
            if rule.kind is kind and (whole["direction"] == ANY) != (rule.get("direction") == ANY):
                raise _contradiction(policy_id, whole["direction"], rule, "direction")
    for rule in others:
        if rule.kind is kind and all(rule.get(name) == whole[name] for name in kind.alike):
            text = f"Rule {kind.name} conflicts with rule {rule.row.id} which already exists in QoS Policy {policy_id}."
            raise conflict(text, "QoSRulesConflict")


def _check_bandwidths(policy_id: str, present: Sequence[Rule], given: Mapping[str, Any]) -> None:
    """A guarantee is not above a limit of the same direction."""
    direction = given.get("direction")
    for rule in present:
        if rule.kind is DSCP_MARKING or (direction and rule.get("direction") != direction):
            continue
        if rule.kind is MINIMUM_BANDWIDTH and "max_kbps" in given and rule.get("min_kbps") > given["max_kbps"]:
            raise _contradiction(policy_id, given["max_kbps"], rule, "min_kbps")
        if rule.kind is BANDWIDTH_LIMIT and "min_kbps" in given and rule.get("max_kbps") < given["min_kbps"]:
            raise _contradiction(policy_id, given["min_kbps"], rule, "max_kbps")


def _contradiction(policy_id: str, value: Any, rule: Rule, name: str) -> Exception:
    text = (
        f"Unable to add the rule with value {value} to the policy {policy_id} as the existing rule of type {rule.kind.name} has value "
        f"{rule.get(name)}."
    )
    return conflict(text, "QoSRuleParameterConflict")
