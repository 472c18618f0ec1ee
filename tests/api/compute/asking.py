"""Flavors and images that ask something of a guest or its host, and what a request is told that asks in vain."""

from collections.abc import Mapping
from typing import Any

from clouds import TestCloud


def make_flavors(cloud: TestCloud, flavors: Mapping[str, Mapping[str, str]], *, vcpus: int) -> None:
    """One for each name, which is its id, with these extra specs."""
    for name, specs in flavors.items():
        body = {"flavor": {"name": name, "id": name, "ram": 64, "disk": 1, "vcpus": vcpus}}
        assert cloud.admin.post("compute", "/flavors", body).status_code == 200
        if specs:
            assert cloud.admin.post("compute", f"/flavors/{name}/os-extra_specs", {"extra_specs": specs}).status_code == 200


def image_with(cloud: TestCloud, **properties: str) -> str:
    """The id of an image that has bits and these properties, of which `name` may be one."""
    body = {"name": "asks", "disk_format": "raw", "container_format": "bare", **properties}
    image_id = cloud.demo.post("image", "/images", body).json()["id"]
    stored = cloud.demo.put("image", f"/images/{image_id}/file", content=b"\0" * 512, headers={"content-type": "application/octet-stream"})
    assert stored.status_code == 204
    return image_id


def refusal(answer: Any) -> str:
    """The words of a 400 of Nova's."""
    assert answer.status_code == 400, answer.text
    return answer.json()["badRequest"]["message"]
