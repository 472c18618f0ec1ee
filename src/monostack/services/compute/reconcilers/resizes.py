"""Confirms resizes that nobody confirmed within the time the configuration sets, if it sets one."""

from datetime import timedelta
from typing import TYPE_CHECKING

from monostack.core import clock
from monostack.db import Transaction
from monostack.reconcile import Reconciler
from monostack.services.compute.migrations import table as migrations
from monostack.services.compute.servers import history, table
from monostack.services.compute.servers.states import RESIZED

if TYPE_CHECKING:
    from monostack.cloud import Cloud

NAME = "compute_resizes"


async def confirm_resizes(cloud: "Cloud") -> None:
    """Confirm those that have been waiting for longer than the window."""
    window = cloud.config.compute.resize_confirm_window
    if window:
        before = clock.now() - timedelta(seconds=window)
        await cloud.db.write(lambda tx: _confirm(tx, cloud, before))


def _confirm(tx: Transaction, cloud: "Cloud", before: object) -> None:
    for waiting in migrations.unconfirmed(tx, before):
        server = table.get(tx, waiting.server_id)
        if server is None or server.vm_state != RESIZED or server.task_state is not None:
            continue
        migration = migrations.get(tx, waiting.uuid)
        migrations.set_status(tx, migration.uuid, migrations.CONFIRMING)
        history.start(tx, None, server.id, "confirmResize")
        given = history.input_of(server, migration=migration.uuid, source=migration.source)
        cloud.start(tx, "confirm_resize", server.id, given, None, server.project_id)


RECONCILER = Reconciler(NAME, confirm_resizes, every=30.0)
