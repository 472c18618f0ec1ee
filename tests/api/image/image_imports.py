"""Imports of staged bits: what asks for one, and waiting for its end."""

import time

from clouds import TestCloud

DIRECT = {"method": {"name": "glance-direct"}}


def ended(cloud: TestCloud, image_id: str) -> dict:
    """The image once it is imported, or not."""
    deadline = time.monotonic() + 30
    while True:
        image = cloud.demo.get("image", f"/images/{image_id}").json()
        if image["status"] not in ("uploading", "importing"):
            return image
        assert time.monotonic() < deadline, image
        time.sleep(0.02)
