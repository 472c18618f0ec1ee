"""Hosts of an emulator that take their time to save a server, as real ones do."""

from collections.abc import Callable
from typing import Any

import pytest
from guests import act, until

from clouds import TestCloud


@pytest.fixture(scope="module")
def cloud_settings() -> dict[str, Any]:
    return {"emulator.snapshot_seconds": 0.3}


def test_a_server_that_is_being_saved_is_not_saved_again(cloud: TestCloud, boot: Callable[..., dict[str, Any]]) -> None:
    server_id = boot("saved")["id"]
    assert act(cloud.demo, server_id, {"createImage": {"name": "first"}}).status_code == 202
    second = act(cloud.demo, server_id, {"createImage": {"name": "second"}})
    assert second.status_code == 409, second.text
    assert "task_state image_" in second.text
    until(lambda: cloud.demo.get("compute", f"/servers/{server_id}").json()["server"]["OS-EXT-STS:task_state"] is None)
    (image,) = cloud.demo.get("image", "/images?owner=" + str(cloud.demo.project_id) + "&name=first").json()["images"]
    assert image["status"] == "active"
