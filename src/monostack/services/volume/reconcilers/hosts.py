"""Know the hosts that keep volumes: enrol those that are new, note when one leaves and when it is back."""

from typing import TYPE_CHECKING

import sqlalchemy as sa

from monostack.core import clock
from monostack.db import Transaction
from monostack.protocol import Hello
from monostack.reconcile import Reconciler
from monostack.services.volume.hosts.table import HOSTS as KNOWN
from monostack.services.volume.hosts.table import enrol, volume_hosts

if TYPE_CHECKING:
    from monostack.cloud import Cloud

NAME = "volume-hosts"
FILES = "volume-files"  # looks at the files of hosts that have come
_h = volume_hosts.c
_LEFT = sa.update(volume_hosts).where(_h.host == sa.bindparam("the_host")).values(left_at=sa.bindparam("when"), compared_at=None)


async def run(cloud: "Cloud") -> None:
    connected = cloud.hosts.connected()
    known = {row.host: row.left_at is None for row in await cloud.db.read(lambda tx: tx.rows(KNOWN))}
    new = sorted(connected - set(known))
    moved = [host for host, there in known.items() if there != (host in connected)]
    if new or moved:
        await cloud.db.write(lambda tx: _write(cloud, tx, new, moved, connected))


def _write(cloud: "Cloud", tx: Transaction, new: list[str], moved: list[str], connected: set[str]) -> None:
    for host in new:
        enrol(tx, cloud, host)
    if new or any(host in connected for host in moved):
        cloud.signal(tx, FILES)
    for host in moved:
        if host in connected:
            enrol(tx, cloud, host)
        tx.execute(_LEFT, {"the_host": host, "when": None if host in connected else clock.now()})


def listen(cloud: "Cloud") -> None:
    """Run soon after a host comes or goes."""

    def changed(host: str, hello: Hello | None = None) -> None:
        cloud.reconcilers.signal(NAME)

    cloud.hosts.on_connect.append(changed)
    cloud.hosts.on_disconnect.append(changed)


HOSTS = Reconciler(NAME, run, every=60.0, delay=0.05)
