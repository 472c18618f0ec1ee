"""What the tests of placement share."""

import itertools
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

from clouds import TestCloud

_numbers = itertools.count()


class Placement:
    """Placement as an administrator speaks to it."""

    def __init__(self, cloud: TestCloud) -> None:
        self.cloud = cloud

    def call(self, method: str, path: str, json: Any = None, *, version: str = "1.39", user: str = "admin") -> httpx.Response:
        client = getattr(self.cloud, user)
        headers = {"openstack-api-version": f"placement {version}"}
        return client.request(method, "placement", path, json=json, headers=headers)

    def get(self, path: str, **how: Any) -> Any:
        answer = self.call("GET", path, **how)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def custom_class(self) -> str:
        """A resource class of this test's own."""
        name = f"CUSTOM_CLASS_{next(_numbers)}_{uuid.uuid4().hex[:8].upper()}"
        assert self.call("PUT", f"/resource_classes/{name}").status_code == 201
        return name

    def trait(self) -> str:
        name = f"CUSTOM_TRAIT_{next(_numbers)}_{uuid.uuid4().hex[:8].upper()}"
        assert self.call("PUT", f"/traits/{name}").status_code == 201
        return name

    def provider(
        self, stock: dict[str, Any] | None = None, *, traits: Sequence[str] = (), aggregates: Sequence[str] = (), parent: str | None = None
    ) -> str:
        """A provider with inventories (class: total, or the whole record), traits and aggregates."""
        made = self.call("POST", "/resource_providers", {"name": f"provider-{uuid.uuid4()}", "parent_provider_uuid": parent})
        assert made.status_code == 200, made.text
        url = f"/resource_providers/{made.json()['uuid']}"
        inventories = {name: one if isinstance(one, dict) else {"total": one} for name, one in (stock or {}).items()}
        self.put(f"{url}/inventories", {"resource_provider_generation": 0, "inventories": inventories})
        self.put(f"{url}/aggregates", {"resource_provider_generation": 1, "aggregates": list(aggregates)})
        self.put(f"{url}/traits", {"resource_provider_generation": 2, "traits": list(traits)})
        return made.json()["uuid"]

    def put(self, path: str, document: Any) -> None:
        answer = self.call("PUT", path, document)
        assert answer.status_code in (200, 201, 204), answer.text

    def allocate(self, amounts: dict[str, dict[str, int]], consumer: str | None = None, generation: int | None = None) -> httpx.Response:
        body = {
            "allocations": {provider: {"resources": wanted} for provider, wanted in amounts.items()},
            "project_id": "a-project", "user_id": "a-user", "consumer_generation": generation, "consumer_type": "INSTANCE",
        }  # fmt: skip
        return self.call("PUT", f"/allocations/{consumer or uuid.uuid4()}", body)

    def candidates(self, query: str, **how: Any) -> list[dict[str, dict[str, int]]]:
        """provider -> class -> amount, for each candidate."""
        found = self.get(f"/allocation_candidates?{query}", **how)
        return [{uuid: one["resources"] for uuid, one in request["allocations"].items()} for request in found["allocation_requests"]]


@pytest.fixture(scope="module")
def placement(cloud: TestCloud) -> Placement:
    return Placement(cloud)


@pytest.fixture
def in_database(cloud: TestCloud) -> Callable[[Callable[[Any], Any]], Any]:
    """Run a function of a transaction that writes."""
    return lambda unit: cloud.run(cloud.app.db.write(unit))
