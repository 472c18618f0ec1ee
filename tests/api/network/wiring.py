"""What compute asks of the network when it places a server."""

from clouds import TestCloud
from monostack.services.network import facade


def bind(cloud: TestCloud, port_ids: list[str], host: str) -> None:
    """As compute does when it places a server."""
    app = cloud.app.cloud
    cloud.run(app.db.write(lambda tx: facade.bind(tx, app, port_ids, host, holder="")))


def wire(cloud: TestCloud, port_ids: list[str], host: str) -> None:
    cloud.run(facade.wire(cloud.app.cloud, host, port_ids))
