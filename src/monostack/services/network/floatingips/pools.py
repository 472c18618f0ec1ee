"""Where floating IPs may come from: the IPv4 subnets of the external networks a project knows. Source: extension floatingip-pools."""

from typing import Any

import sqlalchemy as sa

from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import ID, TEXT, Record, envelope, many
from monostack.resources.resource import caller_params
from monostack.services.network.networks.table import NETWORKS
from monostack.services.network.rbac.table import EXTERNAL, visible
from monostack.services.network.scopes import scope_of
from monostack.services.network.style import check_filters, only_fields, other_parameters
from monostack.services.network.subnets.table import SUBNETS

_s, _n = SUBNETS.table.c, NETWORKS.table.c
_EVERY = (
    sa.select(_s.id, _s.name, _s.network_id, _s.cidr)
    .join(NETWORKS.table, _n.id == _s.network_id)
    .where(_n.external.is_(sa.true()), _s.ip_version == 4)
    .order_by(_s.id)
)
_POOLS = {"all": _EVERY, "project": _EVERY.where(sa.or_(_n.project_id == sa.bindparam("caller_project"), _n.id.in_(visible((EXTERNAL,)))))}

routes = Routes("/v2.0")

_POOL = Record(
    "FloatingIpPool",
    {"subnet_id": ID, "subnet_name": TEXT, "network_id": ID, "cidr": TEXT, "project_id": TEXT, "tenant_id": TEXT},
)


@routes.get("/floatingip_pools", policy="get_floatingip_pool", answer=envelope("floatingip_pools", many(_POOL)))
@routes.get("/floatingip-pools", policy="get_floatingip_pool", answer=envelope("floatingip_pools", many(_POOL)))
def list_pools(request: Request, tx: Transaction) -> Any:
    """List the pools."""
    check_filters(other_parameters(request))
    project_id = request.caller.project_id
    owner = {"project_id": project_id, "tenant_id": project_id}
    if not request.allows("get_floatingip_pool", owner):
        return {"floatingip_pools": []}
    shown = [
        {"subnet_id": row.id, "subnet_name": row.name, "network_id": row.network_id, "cidr": row.cidr, **owner}
        for row in tx.rows(_POOLS[scope_of(request)], caller_params(request))
    ]
    return {"floatingip_pools": only_fields(request, shown)}
