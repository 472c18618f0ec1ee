"""Short ways to make things of the network, and a look at what hosts were told."""

import time
from collections.abc import Callable
from typing import Any

from clouds import Client, TestCloud


class Net:
    """The network API as one user: `net.create("networks", name="x")` gives the resource, `net.refused(...)` the fault."""

    def __init__(self, client: Client) -> None:
        self.client = client

    @property
    def project_id(self) -> str:
        assert self.client.project_id is not None
        return self.client.project_id

    @staticmethod
    def _singular(collection: str) -> str:
        name = collection.replace("-", "_")
        return name[:-3] + "y" if name.endswith("ies") else name[:-1]

    def create(self, collection: str, **values: Any) -> dict[str, Any]:
        name = self._singular(collection)
        answer = self.client.post("network", f"/{collection}", {name: values})
        assert answer.status_code == 201, answer.text
        return answer.json()[name]

    def show(self, collection: str, id: str, **query: Any) -> dict[str, Any]:
        answer = self.client.get("network", f"/{collection}/{id}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()[self._singular(collection)]

    def list(self, collection: str, **query: Any) -> list[dict[str, Any]]:
        answer = self.client.get("network", f"/{collection}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()[collection.replace("-", "_")]

    def update(self, collection: str, id: str, **values: Any) -> dict[str, Any]:
        name = self._singular(collection)
        answer = self.client.put("network", f"/{collection}/{id}", {name: values})
        assert answer.status_code == 200, answer.text
        return answer.json()[name]

    def delete(self, collection: str, id: str) -> None:
        answer = self.client.delete("network", f"/{collection}/{id}")
        assert answer.status_code == 204, answer.text

    def act(self, path: str, body: Any) -> dict[str, Any]:
        answer = self.client.put("network", path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method: str, path: str, status: int, body: Any = None, **options: Any) -> dict[str, str]:
        """The NeutronError of a call that must fail with this status."""
        answer = self.client.request(method, "network", path, **({"json": body} if body is not None else {}), **options)
        assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
        fault = answer.json()["NeutronError"]
        assert set(fault) == {"type", "message", "detail"}
        return fault

    def network(self, name: str, cidr: str | None = None, **subnet: Any) -> dict[str, Any]:
        """A network, with a subnet if a cidr is given."""
        made = self.create("networks", name=name)
        if cidr is not None:
            version = 6 if ":" in cidr else 4
            made["subnet"] = self.create("subnets", network_id=made["id"], ip_version=version, cidr=cidr, **subnet)
        return made


def eventually(check: Callable[[], Any], seconds: float = 15) -> Any:
    """What `check` returns, as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
    return found


class Told:
    """What the simulated hosts have been told: their drivers' items."""

    def __init__(self, cloud: TestCloud) -> None:
        self.cloud = cloud

    @property
    def hosts(self) -> list[str]:
        return sorted(self.cloud.app.cloud.hosts.connected())

    def items(self, host: str) -> dict[str, Any]:
        link = self.cloud.app.cloud.hosts.local(host)
        assert link is not None
        return link.agent.drivers.network.items

    def having(self, key: str) -> list[str]:
        """The hosts that have an item."""
        return [host for host in self.hosts if key in self.items(host)]

    def item(self, key: str) -> Any:
        """The item, of the one host that has it."""
        hosts = self.having(key)
        assert len(hosts) == 1, hosts
        return self.items(hosts[0])[key]
