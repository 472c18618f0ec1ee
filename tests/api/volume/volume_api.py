"""What tests of volumes have in common: making them, and waiting for what becomes of them."""

import time
from typing import Any

UNKNOWN = "00000000-0000-0000-0000-000000000000"


def at(version: str) -> dict[str, dict[str, str]]:
    """Options of a request with a microversion."""
    return {"headers": {"openstack-api-version": f"volume {version}"}}


def wait(client: Any, path: str, key: str, status: str | int, seconds: float = 20, **options: Any) -> Any:
    """The resource once it has the status; 404 waits until it is gone."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answer = client.get("volume", path, **options)
        if status == 404:
            if answer.status_code == 404:
                return None
        elif answer.json()[key]["status"] == status:
            return answer.json()[key]
        time.sleep(0.05)
    raise AssertionError(f"{path} is {answer.text}, not {status}")


def create(client: Any, **body: Any) -> Any:
    """A volume that is available."""
    answer = client.post("volume", "/volumes", {"volume": {"size": 1, **body}})
    assert answer.status_code == 202, answer.text
    return wait(client, f"/volumes/{answer.json()['volume']['id']}", "volume", "available")


def snapshot(client: Any, volume: Any) -> Any:
    """A snapshot that is available."""
    answer = client.post("volume", "/snapshots", {"snapshot": {"volume_id": volume["id"], "force": True}})
    assert answer.status_code == 202, answer.text
    return wait(client, f"/snapshots/{answer.json()['snapshot']['id']}", "snapshot", "available")


def act(client: Any, volume: Any, name: str, body: Any = None, version: str = "3.0") -> Any:
    """What an action answers."""
    return client.post("volume", f"/volumes/{volume['id']}/action", {name: {} if body is None else body}, **at(version))
