"""Giving back all that a server holds: ports, its share of a host, volumes, its place in a group."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Row

from monostack.db import Transaction
from monostack.services.compute.migrations import table as migrations
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.network import facade as network
from monostack.services.placement import facade as placement
from monostack.services.volume import facade as volume

if TYPE_CHECKING:
    from monostack.cloud import Cloud


def release_everything(
    tx: Transaction, cloud: "Cloud", server: Row[Any], *, deleted: bool = False, new_volumes: Collection[str] = ()
) -> None:
    """May be repeated. With `deleted`, volumes that shall go with the server go; volumes its own failed boot made always do."""
    network.release_ports(tx, cloud, server.id)
    placement.release(tx, server.id)
    for migration in migrations.open_of(tx, server.id):
        placement.release(tx, migration.uuid)
        migrations.set_status(tx, migration.uuid, migrations.CONFIRMED if migration.status == migrations.FINISHED else migrations.ERROR)
    for held in server_volumes.attached_to(tx, [server.id]).get(server.id, ()):
        volume.release(tx, held.attachment_id)
        if held.volume_id in new_volumes or (deleted and held.delete_on_termination):
            volume.delete(tx, cloud, held.volume_id)
    server_volumes.remove_all(tx, server.id)
