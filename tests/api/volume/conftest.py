"""Tests of volumes make more of them than a project may have by default."""

import pytest


@pytest.fixture(autouse=True, scope="module")
def room(cloud):
    many = {"volumes": -1, "snapshots": -1, "backups": -1, "groups": -1}
    assert cloud.admin.put("volume", f"/os-quota-sets/{cloud.demo.project_id}", {"quota_set": many}).status_code == 200
