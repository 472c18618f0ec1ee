"""The groups and their rules, and what is shown of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from netaddr import IPNetwork

from monostack.db import Id, Row, Transaction
from monostack.http import Request
from monostack.http.answers import many
from monostack.resources import Field, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.groups import values as rule_values
from monostack.services.network.lookup import among, grouped
from monostack.services.network.rbac.table import SHARED, is_shared, shared_with, visible
from monostack.services.network.scopes import scope_of
from monostack.services.network.standard import STANDARD, TAGS
from monostack.services.network.style import STYLE
from monostack.services.network.tags.table import CONDITIONS, tags_of
from monostack.services.network.words import not_found

DEFAULT = "default"


def _own_or_given(table: sa.Table) -> Any:
    return sa.or_(table.c.project_id == sa.bindparam("caller_project"), table.c.id.in_(visible((SHARED,))))


def _expand_groups(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    ids = [row.id for row in rows]
    shared, tags = shared_with(tx, ids, request.caller.project_id), tags_of(tx, ids)
    rules = rules_of(tx, ids)
    everything = [rule for id in ids for rule in rules.get(id, ())]
    views = iter(RULES.views(request, tx, everything))
    shown = {id: [_plain(next(views)) for _ in rules.get(id, ())] for id in ids}
    return [{"shared": shared(row.id), "tags": tags(row.id), "security_group_rules": shown[row.id]} for row in rows]


def _plain(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name != "security_group:project_id"}


GROUPS = Resource(
    "security_group",
    "security_groups",
    STYLE,
    path="/v2.0/security-groups",
    fields=(
        Field("shared", values.boolean(), column=None),
        Field("stateful", values.boolean(), create=True, update=True, sort=False),
        Field("id", values.uuid()),
        Field("name", rule_values.group_name(), default="", create=True, update=True),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True),
        Field("security_group_rules", values.tags(), column=None, answer=lambda: many(RULES.answer)),
        TAGS,
        *STANDARD,
    ),
    scopes=Scopes(scope_of, {"all": None, "project": _own_or_given}),
    columns=(sa.Column("default_of", Id(), unique=True),),  # the project whose default group it is
    conditions={**CONDITIONS, "shared": is_shared},
    expand=_expand_groups,
)


def _own_or_in_own_group(table: sa.Table) -> Any:
    project = sa.bindparam("caller_project")
    own_groups = sa.select(GROUPS.table.c.id).where(GROUPS.table.c.project_id == project)
    return sa.or_(table.c.project_id == project, table.c.security_group_id.in_(own_groups))


def _expand_rules(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    groups = find_groups(tx, [row.security_group_id for row in rows])
    return [
        {
            "normalized_cidr": str(IPNetwork(row.remote_ip_prefix).cidr) if row.remote_ip_prefix else None,
            "belongs_to_default_sg": groups[row.security_group_id].default_of is not None,
            "security_group:project_id": groups[row.security_group_id].project_id,
        }
        for row in rows
    ]


def _in_default_group(table: sa.Table, operator: str, parameter: str) -> Any:
    wanted: Any = sa.bindparam(parameter, expanding=True, type_=sa.Boolean)
    return table.c.security_group_id.in_(sa.select(GROUPS.table.c.id).where(GROUPS.table.c.default_of.is_not(None).in_(wanted)))


RULES = Resource(
    "security_group_rule",
    "security_group_rules",
    STYLE,
    path="/v2.0/security-group-rules",
    fields=(
        Field("normalized_cidr", values.text(), column=None, nullable=True),
        Field("remote_address_group_id", values.nullable(values.uuid()), create=True),
        Field("belongs_to_default_sg", values.boolean(), column=None),
        Field("id", values.uuid()),
        Field("security_group_id", rule_values.group_id(), default=REQUIRED, create=True, index=True, references="security_groups.id"),
        Field("remote_group_id", rule_values.remote_group(), create=True, index=True, references="security_groups.id"),
        Field("direction", values.choice("ingress", "egress"), default=REQUIRED, create=True),
        Field("protocol", rule_values.protocol(), create=True),
        Field("port_range_min", rule_values.port_number(), create=True),
        Field("port_range_max", rule_values.port_number(), create=True),
        Field("ethertype", rule_values.ethertype(), default="IPv4", create=True),
        Field("remote_ip_prefix", rule_values.prefix(), create=True),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True),
        *STANDARD,
    ),
    scopes=Scopes(scope_of, {"all": None, "project": _own_or_in_own_group}),
    conditions={"belongs_to_default_sg": _in_default_group},
    expand=_expand_rules,
)

_g, _r = GROUPS.table.c, RULES.table.c
_GROUPS_BY_ID = sa.select(GROUPS.table).where(among(_g.id))
_DEFAULT_OF = sa.select(GROUPS.table).where(_g.default_of == sa.bindparam("project"))
_USABLE = sa.select(_g.id).where(among(_g.id), sa.or_(_g.project_id == sa.bindparam("caller_project"), _g.id.in_(visible((SHARED,)))))
_RULES_OF = sa.select(RULES.table).where(among(_r.security_group_id)).order_by(_r.created_at, _r.id)


def find_groups(tx: Transaction, ids: Sequence[str]) -> dict[str, Row]:
    return {id: rows[0] for id, rows in grouped(tx, _GROUPS_BY_ID, ids, "id").items()}


def get_group(tx: Transaction, id: str) -> Row:
    """A group, whoever asks. Raises SecurityGroupNotFound."""
    found = find_groups(tx, [id])
    if id not in found:
        raise not_found("security_group", id)
    return found[id]


def usable_groups(tx: Transaction, ids: Sequence[str], project_id: str) -> set[str]:
    """Those of the groups that ports of a project may be in: its own and those shared with it."""
    return set(grouped(tx, _USABLE, ids, caller_project=project_id))


def default_group(tx: Transaction, project_id: str) -> Row | None:
    return tx.row(_DEFAULT_OF, {"project": project_id})


def rules_of(tx: Transaction, group_ids: Sequence[str]) -> dict[str, list[Row]]:
    """The rules of these groups, oldest first."""
    return grouped(tx, _RULES_OF, group_ids, "security_group_id")
