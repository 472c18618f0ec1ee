"""Lets shelved servers leave their hosts when they have been there for as long as the configuration allows."""

from datetime import timedelta
from typing import TYPE_CHECKING

from monostack.core import clock
from monostack.db import Transaction
from monostack.reconcile import Reconciler
from monostack.services.compute.servers import history, table
from monostack.services.compute.workflows.shelve_server import begin_offload

if TYPE_CHECKING:
    from monostack.cloud import Cloud

NAME = "compute_shelved"


async def offload_shelved(cloud: "Cloud") -> None:
    """Offload those that were shelved long enough ago. A time of 0 never leaves any here, and -1 leaves all."""
    kept_for = cloud.config.compute.shelved_offload_time
    if kept_for > 0:
        before = clock.now() - timedelta(seconds=kept_for)
        await cloud.db.write(lambda tx: _offload(tx, cloud, before))


def _offload(tx: Transaction, cloud: "Cloud", before: object) -> None:
    for server in tx.rows(table.SHELVED_SINCE, {"before": before}):
        history.start(tx, None, server.id, "shelveOffload")
        begin_offload(tx, cloud, server)


RECONCILER = Reconciler(NAME, offload_shelved, every=60.0)
