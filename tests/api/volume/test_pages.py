"""Lists a page at a time: whoever follows the links sees everything once, in answers as they are declared."""

from urllib.parse import urlsplit

import pytest
from volume_api import at, wait

LATEST = at("3.71")
# Path, the list's name, and that of its links.
LISTS = [
    ("/types", "volume_types", "volume_type_links"),
    ("/qos-specs", "qos_specs", "qos_specs_links"),
    ("/group_types", "group_types", "group_type_links"),
    ("/groups", "groups", "group_links"),
    ("/consistencygroups", "consistencygroups", "consistencygroup_links"),
]


@pytest.fixture(scope="module", autouse=True)
def things(cloud):
    """Two and more of each; between two groups of volumes a consistency group."""
    admin = cloud.admin
    for name in ("a", "b"):
        assert admin.post("volume", "/types", {"volume_type": {"name": name}}).status_code == 200
        assert admin.post("volume", "/qos-specs", {"qos_specs": {"name": name}}).status_code == 200
        assert admin.post("volume", "/group_types", {"group_type": {"name": name}}, **LATEST).status_code == 202
    kinds = {kind["name"]: kind["id"] for kind in admin.get("volume", "/types").json()["volume_types"]}
    group_kinds = {kind["name"]: kind["id"] for kind in admin.get("volume", "/group_types", **LATEST).json()["group_types"]}
    for name in ("a", None, "b"):
        if name is None:
            body = {"consistencygroup": {"name": "c", "volume_types": "__DEFAULT__"}}
            assert admin.post("volume", "/consistencygroups", body).status_code == 202
            continue
        body = {"group": {"name": name, "group_type": group_kinds[name], "volume_types": [kinds[name]]}}
        made = admin.post("volume", "/groups", body, **LATEST)
        wait(admin, f"/groups/{made.json()['group']['id']}", "group", "available", **LATEST)


@pytest.mark.parametrize(("path", "plural", "links"), LISTS)
def test_the_links_lead_through_all_pages(cloud, path, plural, links):
    whole = [one["id"] for one in cloud.admin.get("volume", path, **LATEST).json()[plural]]
    assert len(whole) >= 2
    seen, following = [], f"{path}?limit=1"
    while following:
        answer = cloud.admin.get("volume", following, **LATEST).json()
        assert len(answer[plural]) <= 1
        seen += [one["id"] for one in answer[plural]]
        href = answer[links][0]["href"] if links in answer else None
        following = f"{path}?{urlsplit(href).query}" if href else None
    assert seen == whole
