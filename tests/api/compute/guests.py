"""Acting on servers, and their guests as the simulated hosts know them."""

import time
from collections.abc import Callable
from typing import Any

from clouds import Client, TestCloud


def act(client: Client, server_id: str, body: dict[str, Any], **options: Any) -> Any:
    return client.post("compute", f"/servers/{server_id}/action", body, **options)


def guest(cloud: TestCloud, server_id: str) -> Any:
    links = cloud.app.cloud.hosts._local.values()
    return next(link.agent.drivers.hypervisor.known[server_id] for link in links if server_id in link.agent.drivers.hypervisor.known)


def until(true: Callable[[], Any], timeout: float = 20.0) -> Any:
    ends = time.monotonic() + timeout
    while not (value := true()):
        assert time.monotonic() < ends, "it never became true"
        time.sleep(0.02)
    return value
