"""What tests of several services share."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from clouds import TestCloud


@pytest.fixture(scope="module")
def registered(cloud: "TestCloud") -> dict[str, dict[str, Any]]:
    """The registered limits by name."""
    found = cloud.admin.get("identity", "/registered_limits").json()["registered_limits"]
    return {limit["resource_name"]: limit for limit in found}


@pytest.fixture
def limit(cloud: "TestCloud", registered: dict[str, dict[str, Any]]) -> Iterator[Callable[[str, int], None]]:
    """limit(name, amount) limits the project demo, for the test."""
    made: dict[str, str] = {}

    def set_to(name: str, amount: int) -> None:
        if name in made:
            changed = cloud.admin.patch("identity", f"/limits/{made[name]}", {"limit": {"resource_limit": amount}})
            assert changed.status_code == 200, changed.text
            return
        about = {"service_id": registered[name]["service_id"], "region_id": registered[name]["region_id"], "resource_name": name}
        one = {**about, "project_id": cloud.demo.project_id, "resource_limit": amount}
        answer = cloud.admin.post("identity", "/limits", {"limits": [one]})
        assert answer.status_code == 201, answer.text
        made[name] = answer.json()["limits"][0]["id"]

    yield set_to
    for limit_id in made.values():
        assert cloud.admin.delete("identity", f"/limits/{limit_id}").status_code == 204
