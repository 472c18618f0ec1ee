"""Unified limits as the services that enforce them ask for them."""

from collections.abc import Mapping

import sqlalchemy as sa

from monostack.core import ids
from monostack.db import Select, Transaction
from monostack.services.identity.limits.table import limits, registered_limits
from monostack.services.identity.services import services

_SERVICE = sa.select(services.c.id).where(services.c.type == sa.bindparam("service_type")).order_by(services.c.id).limit(1)


def _of_service(table: sa.Table, *columns: str) -> Select:
    return (
        sa.select(*[table.c[name] for name in columns])
        .join(services, services.c.id == table.c.service_id)
        .where(services.c.type == sa.bindparam("service_type"), table.c.region_id == sa.bindparam("region"))
    )


_REGISTERED = _of_service(registered_limits, "resource_name", "default_limit")
_OF_PROJECT = _of_service(limits, "resource_name", "resource_limit").where(limits.c.project_id == sa.bindparam("project"))


def unified_limits(tx: Transaction, service_type: str, region: str, project_id: str | None = None) -> dict[str, int]:
    """The limits in force for a project, by resource name: its own, else those registered; without a project only the latter.

    Resources without a registered limit are left out. -1 is unlimited.
    """
    params = {"service_type": service_type, "region": region}
    found = {name: limit for name, limit in tx.rows(_REGISTERED, params)}
    if project_id is not None:
        found.update({name: limit for name, limit in tx.rows(_OF_PROJECT, {**params, "project": project_id})})
    return found


def over_limits(project_id: str | None, limits: Mapping[str, int], wanted: Mapping[str, int], held: Mapping[str, int]) -> str:
    """What oslo.limit says when that much more than is held is too much; "" when it is not. Of what has no limit there is nothing."""
    found: list[str] = []
    for name in sorted(wanted):
        limit, usage = limits.get(name, 0), held.get(name, 0)
        if 0 <= limit < usage + wanted[name]:
            found.append(f"Resource {name} is over limit of {limit} due to current usage {usage} and delta {wanted[name]}")
    return f"Project {project_id} is over a limit for [{', '.join(found)}]" if found else ""


def register_limits(tx: Transaction, service_type: str, region: str, defaults: Mapping[str, int]) -> None:
    """Register these limits, unless the service has some already."""
    if unified_limits(tx, service_type, region):
        return
    about = {"service_id": tx.scalar(_SERVICE, {"service_type": service_type}), "region_id": region, "description": None}
    rows = [{"id": ids.new_hex(), "resource_name": name, "default_limit": limit, **about} for name, limit in defaults.items()]
    tx.execute(sa.insert(registered_limits), rows)
