"""What a server holds, ports, its share of a host, volumes, its place in a group: that it has a volume, and giving all of it back."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from monostack.db import Transaction
from monostack.services.compute.migrations import table as migrations
from monostack.services.compute.servers import table
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.network import facade as network
from monostack.services.placement import facade as placement
from monostack.services.volume import facade as volume

if TYPE_CHECKING:
    from monostack.cloud import Cloud


def release_everything(
    tx: Transaction, cloud: "Cloud", server_id: str, *, deleted: bool = False, new_volumes: Collection[str] = ()
) -> None:
    """May be repeated. With `deleted`, volumes that shall go with the server go; volumes its own failed boot made always do."""
    network.release_ports(tx, cloud, server_id)
    placement.release(tx, server_id)
    for migration in migrations.open_of(tx, server_id):
        placement.release(tx, migration.uuid)
        migrations.set_status(tx, migration.uuid, migrations.CONFIRMED if migration.status == migrations.FINISHED else migrations.ERROR)
    for held in server_volumes.attached_to(tx, [server_id]).get(server_id, ()):
        volume.release(tx, held.attachment_id)
        if held.volume_id in new_volumes or (deleted and held.delete_on_termination):
            volume.delete(tx, cloud, held.volume_id)
    server_volumes.remove_all(tx, server_id)


def mark_attached(tx: Transaction, server_id: str, volume_id: str, host: str) -> None:
    """The server has the volume now. `host` is "" while the server is on none."""
    held = server_volumes.find(tx, server_id, volume_id)
    if held is not None:
        volume.complete_attach(tx, held.attachment_id, host, held.device)
        server_volumes.mark_attached(tx, server_id, volume_id)
    table.update(tx, server_id)


def let_go(tx: Transaction, server_id: str, volume_id: str) -> None:
    """The server has the volume no more. The volume stays, even one that was to go with the server: it goes its own way now."""
    held = server_volumes.find(tx, server_id, volume_id)
    if held is None:
        return
    volume.release(tx, held.attachment_id)
    server_volumes.remove(tx, server_id, volume_id)
    table.update(tx, server_id)
