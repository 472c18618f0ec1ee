"""Makes the rows of hosts agree with the agents that are connected to this controller."""

import socket
from typing import TYPE_CHECKING

from monostack.db import Transaction
from monostack.reconcile import Reconciler
from monostack.services.compute.hosts import enrolment

if TYPE_CHECKING:
    from monostack.cloud import Cloud

NAME = "compute_hosts"
AT_ONCE = 100  # hosts in one transaction


def _connected_rows(tx: Transaction, me: str) -> dict[str, str]:
    return {row.host: row.instance for row in tx.rows(enrolment.OF_CONTROLLER, {"me": me})}


async def reconcile_hosts(cloud: "Cloud") -> None:
    """Give a sign of life, enrol hosts that arrived, let go of those that left."""
    me, db = cloud.operations.name, cloud.db
    if cloud.operations.exclusive:
        await db.write(lambda tx: enrolment.take_over(tx, me))
    await db.write(lambda tx: enrolment.sign_of_life(tx, me, socket.gethostname()))
    rows = await db.read(lambda tx: _connected_rows(tx, me))
    hellos = {name: hello for name in sorted(cloud.hosts.connected()) if (hello := cloud.hosts.hello(name)) is not None}
    gone = sorted(set(rows) - set(hellos))
    if gone:
        await db.write(lambda tx: enrolment.disconnect(tx, me, gone))
    arrived = [(hello, cloud.hosts.address(name)) for name, hello in hellos.items() if rows.get(name) != hello.instance]
    for start in range(0, len(arrived), AT_ONCE):
        some = arrived[start : start + AT_ONCE]
        await db.write(lambda tx, some=some: enrolment.enrol(tx, me, some, cloud.config.scheduler))


RECONCILER = Reconciler(NAME, reconcile_hosts, every=10.0, delay=0.02)
