"""Limits of a project's images that are limits of the identity service."""

from typing import Any

import pytest
from image_bodies import OCTETS
from image_imports import DIRECT, ended

from clouds import TestCloud

MIB = 1 << 20


@pytest.fixture(scope="module")
def cloud_settings() -> dict[str, Any]:
    return {"quota.image.driver": "unified", "quota.image.size_total": 3, "quota.image.count_total": 5}


def _send(cloud: TestCloud, image: dict[str, Any], where: str, mebibytes: int, *, announced: bool = True) -> int:
    bits = b"\0" * (mebibytes * MIB)
    content = bits if announced else iter([bits])
    return cloud.demo.put("image", f"/images/{image['id']}/{where}", content=content, headers=OCTETS).status_code


def _usage(cloud: TestCloud) -> dict[str, tuple[int, int]]:
    found = cloud.demo.get("image", "/info/usage").json()["usage"]
    return {name: (one["usage"], one["limit"]) for name, one in found.items()}


def test_usage_is_shown_with_the_registered_limits(cloud: TestCloud, make_image) -> None:
    make_image(cloud.demo, bits=b"\0" * MIB)
    assert _usage(cloud) == {
        "image_size_total": (1, 3), "image_stage_total": (0, 1000), "image_count_total": (1, 5), "image_count_uploading": (0, 100),
    }  # fmt: skip


def test_as_many_images_as_the_limit_says(cloud: TestCloud, make_image, limit) -> None:
    limit("image_count_total", _usage(cloud)["image_count_total"][0] + 1)
    first = make_image(cloud.demo)
    refused = cloud.demo.post("image", "/images", {"name": "one more"})
    assert refused.status_code == 413
    assert "Resource image_count_total is over limit of" in refused.text
    assert cloud.demo.delete("image", f"/images/{first['id']}").status_code == 204
    make_image(cloud.demo)
    make_image(cloud.other)  # another project has its own


def test_no_more_bits_than_the_limit_says(cloud: TestCloud, make_image, limit) -> None:
    limit("image_count_total", 100)
    limit("image_size_total", _usage(cloud)["image_size_total"][0] + 2)
    image = make_image(cloud.demo)
    assert _send(cloud, image, "file", 3) == 413
    assert cloud.demo.get("image", f"/images/{image['id']}").json()["status"] == "queued"
    assert _send(cloud, image, "file", 2) == 204
    unannounced, late = make_image(cloud.demo), make_image(cloud.demo)
    assert _send(cloud, unannounced, "file", 1, announced=False) == 204  # nobody knew
    assert _send(cloud, late, "file", 0) == 413  # above the limit by now
    assert cloud.demo.post("image", f"/images/{late['id']}/import", DIRECT).status_code == 413
    assert cloud.demo.delete("image", f"/images/{image['id']}").status_code == 204
    assert _send(cloud, late, "file", 1) == 204


def test_what_is_staged_counts_until_it_is_imported(cloud: TestCloud, make_image, limit) -> None:
    limit("image_count_total", 100)
    limit("image_size_total", 100)
    limit("image_stage_total", 2)
    limit("image_count_uploading", 1)
    first, second = make_image(cloud.demo), make_image(cloud.demo)
    assert _send(cloud, first, "stage", 3) == 413
    assert _send(cloud, first, "stage", 1) == 204
    assert _send(cloud, second, "stage", 1) == 413, "one already waits to be imported"
    assert _send(cloud, second, "file", 1) == 413
    limit("image_size_total", _usage(cloud)["image_size_total"][0])
    assert cloud.demo.post("image", f"/images/{first['id']}/import", DIRECT).status_code == 202
    assert ended(cloud, first["id"])["status"] == "queued", "its bits would be above the limit"
    limit("image_size_total", 100)
    assert _send(cloud, first, "stage", 1) == 204
    assert cloud.demo.post("image", f"/images/{first['id']}/import", DIRECT).status_code == 202
    assert ended(cloud, first["id"])["status"] == "active"
    assert _send(cloud, second, "file", 1) == 204
