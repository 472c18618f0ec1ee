"""Traits and resource classes: the standard ones, and users' own."""

from urllib.parse import unquote

import pytest


def test_standard_names_are_there(placement) -> None:
    traits = set(placement.get("/traits")["traits"])
    assert {"HW_CPU_X86_AVX2", "COMPUTE_NODE", "MISC_SHARES_VIA_AGGREGATE"} <= traits
    classes = [one["name"] for one in placement.get("/resource_classes")["resource_classes"]]
    assert classes[:3] == ["VCPU", "MEMORY_MB", "DISK_GB"]


def test_standard_names_cannot_be_changed(placement) -> None:
    for path in ("/traits/HW_CPU_X86_AVX2", "/resource_classes/VCPU"):
        assert placement.call("DELETE", path).status_code == 400
        assert placement.call("PUT", path).status_code == 400


def test_own_traits(placement) -> None:
    name = placement.trait()
    assert placement.call("PUT", f"/traits/{name}").status_code == 204
    assert placement.call("GET", f"/traits/{name}").status_code == 204
    assert placement.get(f"/traits?name=in:{name},COMPUTE_NODE")["traits"] == ["COMPUTE_NODE", name]
    assert placement.get(f"/traits?name=startswith:{name}&associated=true")["traits"] == []
    provider = placement.provider(traits=[name])
    assert placement.get(f"/traits?name=startswith:{name}&associated=true")["traits"] == [name]
    assert placement.call("DELETE", f"/traits/{name}").status_code == 409
    assert placement.call("DELETE", f"/resource_providers/{provider}/traits").status_code == 204
    assert placement.call("DELETE", f"/traits/{name}").status_code == 204
    assert placement.call("GET", f"/traits/{name}").status_code == 404


@pytest.mark.parametrize("name", ["custom_lower", "CUSTOM_", "CUSTOM_a", "OTHER_X", "CUSTOM_" + "X" * 255, "CUSTOM_X%0A"])
def test_bad_names(placement, name: str) -> None:
    assert placement.call("PUT", f"/traits/{name}").status_code == 400
    assert placement.call("PUT", f"/resource_classes/{name}").status_code == 400
    assert placement.call("POST", "/resource_classes", {"name": unquote(name)}).status_code == 400
    assert name not in placement.get("/traits")["traits"]


def test_own_classes(placement) -> None:
    name = placement.custom_class()
    assert placement.get(f"/resource_classes/{name}")["name"] == name
    provider = placement.provider({name: 1})
    assert placement.call("DELETE", f"/resource_classes/{name}").status_code == 409
    renamed = placement.call("PUT", f"/resource_classes/{name}", {"name": f"{name}_2"}, version="1.6")
    assert renamed.json()["name"] == f"{name}_2"
    assert list(placement.get(f"/resource_providers/{provider}/inventories")["inventories"]) == [f"{name}_2"]
    assert placement.call("DELETE", f"/resource_providers/{provider}/inventories").status_code == 204
    assert placement.call("DELETE", f"/resource_classes/{name}_2").status_code == 204


def test_parts_of_the_api_appear_with_their_version(placement) -> None:
    for path, version in (
        ("/resource_classes", "1.2"),
        ("/traits", "1.6"),
        ("/usages?project_id=p", "1.9"),
        ("/allocation_candidates?resources=VCPU:1", "1.10"),
    ):
        before = f"1.{int(version[2:]) - 1}"
        assert placement.call("GET", path, version=before).status_code == 404
        assert placement.call("GET", path, version=version).status_code == 200
    assert "last-modified" not in placement.call("GET", "/resource_classes", version="1.14").headers
    assert placement.call("GET", "/resource_classes", version="1.15").headers["cache-control"] == "no-cache"
