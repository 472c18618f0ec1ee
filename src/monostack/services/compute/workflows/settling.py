"""Where a server is, and of which size: written down together with where its ports are and who has its volumes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from monostack.db import Transaction
from monostack.services.compute.servers import table
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.network import facade as network
from monostack.services.volume import facade as volume

if TYPE_CHECKING:
    from monostack.cloud import Cloud


def settle(tx: Transaction, cloud: "Cloud", server_id: str, host: str, flavor: Mapping[str, Any], holder: str) -> None:
    """The server is on `host`, of which `holder` (itself, or its migration) has a share, with `flavor`, its id included.

    May be repeated; a server that is gone is left alone.
    """
    server = table.get(tx, server_id)
    if server is None:
        return
    own = {name: value for name, value in flavor.items() if name != "id"}
    if server.host != host:
        network.bind(tx, cloud, [port.id for port in network.ports_of(tx, [server_id]).get(server_id, ())], host, holder)
        for held in server_volumes.attached_to(tx, [server_id]).get(server_id, ()):
            if held.attached:
                volume.complete_attach(tx, held.attachment_id, host, held.device)
    table.update(tx, server_id, host=host, flavor=own, flavor_id=flavor["id"])
    network.items_changed(tx, cloud, "metadata", [server_id])
