"""Shelved servers that stay on their hosts for a while."""

from collections.abc import Callable
from typing import Any

import pytest
from guests import act
from waiting import wait_for

from clouds import TestCloud


@pytest.fixture(scope="module")
def cloud_settings() -> dict[str, Any]:
    return {"compute.shelved_offload_time": 3600}


def test_a_shelved_server_leaves_when_it_is_told_to(cloud: TestCloud, boot: Callable[..., dict[str, Any]]) -> None:
    server_id, offload = boot("stays")["id"], {"shelveOffload": None}
    early = act(cloud.admin, server_id, offload)
    words = f"Cannot 'shelveOffload' instance {server_id} while it is in vm_state active"
    assert (early.status_code, early.json()["conflictingRequest"]["message"]) == (409, words)
    assert act(cloud.demo, server_id, {"shelve": None}).status_code == 202
    host = wait_for(cloud.demo, server_id, "SHELVED")["hostId"]
    assert host, "it is still there"
    assert act(cloud.demo, server_id, offload).status_code == 403
    assert act(cloud.admin, server_id, offload).status_code == 202
    assert wait_for(cloud.demo, server_id, "SHELVED_OFFLOADED")["hostId"] == ""
    assert cloud.admin.get("placement", f"/allocations/{server_id}").json()["allocations"] == {}
