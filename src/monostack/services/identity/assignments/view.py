"""Role assignments as /v3/role_assignments shows them, with or without the names of what they are about."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Select, Transaction
from monostack.http import Request
from monostack.http.answers import FLAG, TEXT, Record, envelope, optional
from monostack.services.identity.assignments.effective import Assignment
from monostack.services.identity.domains import domains
from monostack.services.identity.groups.table import groups
from monostack.services.identity.projects.table import projects
from monostack.services.identity.roles.table import roles
from monostack.services.identity.users.table import users

_PART = Record("AssignmentPart", {"id": TEXT, "name": optional(TEXT), "domain": optional(Record("", {"id": TEXT, "name": optional(TEXT)}))})
_SCOPE = {
    "domain": optional(_PART), "project": optional(_PART), "system": optional(envelope("all", FLAG)),
    "OS-INHERIT:inherited_to": optional(TEXT),
}  # fmt: skip
_LINKS = {"assignment": TEXT, "membership": optional(TEXT), "prior_role": optional(TEXT)}
ANSWER = Record(
    "RoleAssignment",
    {
        "links": Record("", _LINKS), "scope": Record("", _SCOPE), "user": optional(_PART), "group": optional(_PART), "role": _PART,
    },
)  # fmt: skip


def _named(table: sa.Table, outer: bool = False) -> Select:
    """id, name, domain_id and domain_name of those rows whose ids are asked for."""
    return (
        sa.select(table.c.id, table.c.name, table.c.domain_id, domains.c.name.label("domain_name"))
        .join_from(table, domains, domains.c.id == table.c.domain_id, isouter=outer)
        .where(table.c.id.in_(sa.bindparam("ids", expanding=True)))
    )


_NAMED = {"user": _named(users), "group": _named(groups), "project": _named(projects), "role": _named(roles, outer=True)}
_DOMAINS = sa.select(domains.c.id, domains.c.name).where(domains.c.id.in_(sa.bindparam("ids", expanding=True)))


class Names:
    """The names of everything a list of assignments is about, read in one statement a kind."""

    def __init__(self, tx: Transaction, found: Sequence[Assignment]) -> None:
        self._rows: dict[tuple[str, str], Row] = {}
        for kind in ("user", "group"):
            self._load(tx, kind, (one.actor_id for one in found if one.actor_type == kind))
        for kind in ("project", "domain"):
            self._load(tx, kind, (one.target_id for one in found if one.target_type == kind))
        self._load(tx, "role", (one.role_id for one in found))

    def _load(self, tx: Transaction, kind: str, ids: Iterable[str]) -> None:
        wanted = sorted(set(ids))
        if wanted:
            for row in tx.rows(_NAMED.get(kind, _DOMAINS), {"ids": wanted}):
                self._rows[kind, row.id] = row

    def describe(self, kind: str, id: str) -> dict[str, Any]:
        """Its id and name, and those of its domain if it has one."""
        row = self._rows.get((kind, id))
        if row is None:  # an assignment of something that is not there any more
            return {"id": id, "name": "", "domain": {"id": "", "name": ""}}
        described: dict[str, Any] = {"id": id, "name": row.name}
        if kind != "domain" and row.domain_id is not None:
            described["domain"] = {"id": row.domain_id, "name": row.domain_name}
        return described

    def domain_of_target(self, one: Assignment) -> str | None:
        if one.target_type == "project":
            row = self._rows.get(("project", one.target_id))
            return row.domain_id if row is not None else None
        return one.target_id if one.target_type == "domain" else None


def shown(request: Request, one: Assignment, names: Names | None) -> dict[str, Any]:
    """One assignment, linked to the grant that it comes from."""

    def describe(kind: str, id: str) -> dict[str, Any]:
        return {"id": id} if names is None else names.describe(kind, id)

    base = f"{request.service_url}/v3"
    scope: dict[str, Any] = (
        {"system": {"all": True}} if one.target_type == "system" else {one.target_type: describe(one.target_type, one.target_id)}
    )
    source_type, source_id = one.via_target or (one.target_type, one.target_id)
    path = "/system" if source_type == "system" else f"/{source_type}s/{source_id}"
    links: dict[str, str] = {}
    if one.via_group is not None:
        links["membership"] = f"{base}/groups/{one.via_group}/users/{one.actor_id}"
        path += f"/groups/{one.via_group}"
    else:
        path += f"/{one.actor_type}s/{one.actor_id}"
    path += f"/roles/{one.via_role or one.role_id}"
    if one.inherited or one.via_target is not None:
        scope["OS-INHERIT:inherited_to"] = "projects"
        path = f"/OS-INHERIT{path}/inherited_to_projects"
    links["assignment"] = base + path
    if one.via_role is not None:
        links["prior_role"] = f"{base}/prior_role/{one.role_id}/implies/{one.via_role}"
    return {
        "links": links, "scope": scope, one.actor_type: describe(one.actor_type, one.actor_id), "role": describe("role", one.role_id),
    }  # fmt: skip
