"""What every test of servers needs: a flavor, an image, a network, and a way to wait."""

from collections.abc import Callable
from typing import Any

import pytest
from waiting import at, wait_for

from clouds import Client, TestCloud


@pytest.fixture(scope="module")
def flavor(cloud: TestCloud) -> str:
    body = {"flavor": {"name": "small", "id": "small", "ram": 64, "disk": 1, "vcpus": 1}}
    answer = cloud.admin.post("compute", "/flavors", body)
    assert answer.status_code == 200, answer.text
    return answer.json()["flavor"]["id"]


@pytest.fixture(scope="module")
def image(cloud: TestCloud) -> str:
    made = cloud.demo.post("image", "/images", {"name": "guest", "disk_format": "raw", "container_format": "bare"})
    assert made.status_code == 201, made.text
    image_id = made.json()["id"]
    headers = {"content-type": "application/octet-stream"}
    stored = cloud.demo.put("image", f"/images/{image_id}/file", content=b"\0" * 4096, headers=headers)
    assert stored.status_code == 204, stored.text
    return image_id


@pytest.fixture(scope="module")
def network(cloud: TestCloud) -> str:
    """A network of the project demo with a subnet."""
    network_id = cloud.demo.post("network", "/networks", {"network": {"name": "net"}}).json()["network"]["id"]
    subnet = {"subnet": {"network_id": network_id, "ip_version": 4, "cidr": "10.20.0.0/16"}}
    made = cloud.demo.post("network", "/subnets", subnet)
    assert made.status_code == 201, made.text
    return network_id


@pytest.fixture(scope="module")
def boot(cloud: TestCloud, flavor: str, image: str, network: str) -> Callable[..., dict[str, Any]]:
    """Make a server and wait until it is ACTIVE, or in the status given. Fields of the body may be replaced, or left out with None."""
    unlimited = {"quota_set": {"instances": -1, "cores": -1, "ram": -1}}
    assert cloud.admin.put("compute", f"/os-quota-sets/{cloud.demo.project_id}", unlimited).status_code == 200

    def make(name: str, *, client: Client | None = None, status: str = "ACTIVE", version: str = "2.96", **fields: Any) -> dict[str, Any]:
        owner = client or cloud.demo
        hints = fields.pop("hints", None)
        body = {"name": name, "flavorRef": flavor, "imageRef": image, "networks": [{"uuid": network}], **fields}
        body = {key: value for key, value in body.items() if value is not None}
        whole = {"server": body, **({"os:scheduler_hints": hints} if hints else {})}
        answer = owner.post("compute", "/servers", whole, headers=at(version))
        assert answer.status_code == 202, answer.text
        return wait_for(owner, answer.json()["server"]["id"], status)

    return make
