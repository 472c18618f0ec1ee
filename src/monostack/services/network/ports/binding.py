"""Where a port lives: the host that has its interface."""

import sqlalchemy as sa

from monostack.db import Transaction, metadata
from monostack.services.network.ports.table import BOUND, FAILED, UNBOUND

_statements: dict[str, sa.Select[tuple[str]]] = {}


def vif_type(tx: Transaction, host: str) -> str:
    """How a port on this host is plugged in: by a bridge on hosts of this cloud, not at all on others."""
    if not host:
        return UNBOUND
    if not _statements:  # the agents' module imports this one
        agents = metadata.tables["network_agents"]
        _statements["known"] = sa.select(agents.c.id).where(agents.c.host == sa.bindparam("host")).limit(1)
    return BOUND if tx.scalar(_statements["known"], {"host": host}) is not None else FAILED
