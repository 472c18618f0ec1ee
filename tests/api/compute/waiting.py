"""Microversions in headers, and waiting for servers."""

import time
from typing import Any

from clouds import Client

LATEST = {"openstack-api-version": "compute 2.96"}


def at(version: str) -> dict[str, str]:
    return {"openstack-api-version": f"compute {version}"}


def wait_for(client: Client, server_id: str, *statuses: str, timeout: float = 20.0) -> dict[str, Any]:
    """The server once it has one of the statuses and nothing is being done to it."""
    until = time.monotonic() + timeout
    while True:
        answer = client.get("compute", f"/servers/{server_id}", headers=LATEST)
        assert answer.status_code == 200, answer.text
        server = answer.json()["server"]
        if server["status"] in statuses and server["OS-EXT-STS:task_state"] is None:
            return server
        assert time.monotonic() < until, f"{server['status']} {server['OS-EXT-STS:task_state']} {server.get('fault')}"
        time.sleep(0.02)


def wait_gone(client: Client, server_id: str, timeout: float = 20.0) -> None:
    until = time.monotonic() + timeout
    while client.get("compute", f"/servers/{server_id}").status_code != 404:
        assert time.monotonic() < until, "the server is still there"
        time.sleep(0.02)
