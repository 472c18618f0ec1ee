"""Deletes for good the servers that were deleted and kept for long enough, as the configuration says."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.db import Transaction
from monostack.reconcile import Reconciler
from monostack.services.compute.servers.deletion import start_deletion
from monostack.services.compute.servers.states import SOFT_DELETED
from monostack.services.compute.servers.table import LIVE, servers

if TYPE_CHECKING:
    from monostack.cloud import Cloud

NAME = "compute_deletions"
_s = servers.c
_DUE = sa.select(servers).where(
    LIVE, _s.vm_state == SOFT_DELETED, _s.task_state.is_(None), _s.soft_deleted_at < sa.bindparam("before")
)  # fmt: skip


async def reclaim(cloud: "Cloud") -> None:
    """Let go of what nobody restored in time."""
    interval = cloud.config.compute.reclaim_instance_interval
    if interval:
        before = (clock.now() - timedelta(seconds=interval)).isoformat(timespec="microseconds")
        await cloud.db.write(lambda tx: _reclaim(tx, cloud, before))


def _reclaim(tx: Transaction, cloud: Any, before: str) -> None:
    for server in tx.rows(_DUE, {"before": before}):
        start_deletion(tx, cloud, server, None)


RECONCILER = Reconciler(NAME, reclaim, every=60.0)
