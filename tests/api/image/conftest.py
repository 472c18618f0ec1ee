"""What the tests of images share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from image_bodies import OCTETS, PATCH

from clouds import Client, TestCloud


@pytest.fixture
def make_image() -> Callable[..., dict[str, Any]]:
    """make_image(client, name=..., bits=...) creates an image and uploads its bits, if any."""

    def make(client: Client, bits: bytes | None = None, **attributes: Any) -> dict[str, Any]:
        given = {"disk_format": "raw", "container_format": "bare", **attributes}
        answer = client.post("image", "/images", given)
        assert answer.status_code == 201, answer.text
        image = answer.json()
        if bits is not None:
            uploaded = client.put("image", f"/images/{image['id']}/file", content=bits, headers=OCTETS)
            assert uploaded.status_code == 204, uploaded.text
            image = client.get("image", f"/images/{image['id']}").json()
        return image

    return make


@pytest.fixture
def patch_image() -> Callable[..., Any]:
    def patch(client: Client, image_id: str, *operations: dict[str, Any]) -> Any:
        return client.patch("image", f"/images/{image_id}", list(operations), headers=PATCH)

    return patch


@pytest.fixture
def store(cloud: TestCloud) -> Path:
    """Where the cloud keeps the files of images."""
    return Path(cloud.config.image.directory)
