"""What the service tells about itself: extensions, documents, limits, tags, and how many addresses are used."""

import jsonschema
import pytest
from network_api import Net

from clouds import TestCloud
from monostack.http.openapi import describe
from monostack.services.network import SERVICE

OWN_PATHS = {  # extension -> a path that exists because of it
    "agent": "agents",
    "availability_zone": "availability_zones",
    "network-ip-availability": "network-ip-availabilities",
    "quotas": "quotas",
    "rbac-policies": "rbac-policies",
    "router": "routers",
    "security-group": "security-groups",
    "service-type": "service-providers",
    "subnet_allocation": "subnetpools",
    "qos": "qos/policies",
    "trunk": "trunks",
    "metering": "metering/metering-labels",
    "address-scope": "address-scopes",
    "address-group": "address-groups",
    "network-segment-range": "network-segment-ranges",
    "flavors": "flavors",
    "logging": "log/logs",
    "local_ip": "local_ips",
    "segment": "segments",
}


def test_an_extension_is_listed_exactly_if_it_is_served(admin: Net) -> None:
    listed = {one["alias"]: one for one in admin.list("extensions")}
    assert len(listed) > 40
    for alias, path in OWN_PATHS.items():
        served = admin.client.get("network", f"/{path}").status_code == 200
        assert (alias in listed) == served, alias
    for alias, extension in listed.items():
        assert admin.show("extensions", alias) == extension
        assert set(extension) == {"alias", "name", "description", "updated", "links"}
    assert admin.refused("GET", "/extensions/nonsense", 404)["message"] == "Extension with alias nonsense does not exist"


def test_collections_are_found_with_dashes_and_with_underscores(admin: Net) -> None:
    for one, other in (("security-groups", "security_groups"), ("availability_zones", "availability-zones")):
        assert admin.client.get("network", f"/{one}").json() == admin.client.get("network", f"/{other}").json()
    admin.refused("GET", "/no_such-things", 404)


def test_the_versions_need_no_token(cloud: TestCloud) -> None:
    root = cloud.demo.url("network").removesuffix("/v2.0") + "/"
    answer = cloud.demo.http.get(root)
    assert answer.status_code == 200
    assert [version["id"] for version in answer.json()["versions"]] == ["v2.0"]


def test_the_documents_describe_the_bodies_that_are_taken() -> None:
    paths = describe(SERVICE)["paths"]

    def schema(method: str, path: str) -> dict:
        return paths[path][method]["requestBody"]["content"]["application/json"]["schema"]

    undescribed = [
        (method, path)
        for path, operations in paths.items()
        for method, operation in operations.items()
        if method in ("post", "put") and "requestBody" not in operation and not path.endswith("/tags/{tag}")
    ]
    assert undescribed == [("post", "/v2.0/quotas")]  # which is always refused
    good = {"cidr": "10.0.0.0/24", "ip_version": 4, "network_id": "n", "gateway_ip": None, "tenant_id": "t"}
    for body in ({"subnet": good}, {"subnets": [good, good]}):
        jsonschema.validate(body, schema("post", "/v2.0/subnets"))
    for body in ({"subnet": {**good, "color": "red"}}, {"subnet": {"cidr": "10.0.0.0/24"}}, {"subnets": []}, {}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(body, schema("post", "/v2.0/subnets"))
    jsonschema.validate({"subnet": {"gateway_ip": None}}, schema("put", "/v2.0/subnets/{id}"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"subnet": {"cidr": "10.0.0.0/24"}}, schema("put", "/v2.0/subnets/{id}"))
    jsonschema.validate({"subnet_id": "s"}, schema("put", "/v2.0/routers/{id}/add_router_interface"))


def test_a_limit_holds_and_is_told(demo: Net, other: Net, admin: Net) -> None:
    path = f"/quotas/{other.project_id}"
    used = len(other.list("networks", project_id=other.project_id))
    assert admin.act(path, {"quota": {"network": used + 1}})["quota"]["network"] == used + 1
    try:
        assert other.client.get("network", path).json()["quota"]["network"] == used + 1
        made = other.create("networks", name="last")
        details = other.client.get("network", f"{path}/details").json()["quota"]
        assert details["network"] == {"limit": used + 1, "used": used + 1, "reserved": 0}
        fault = other.refused("POST", "/networks", 409, {"network": {}})
        assert (fault["type"], fault["message"]) == ("OverQuota", "Quota exceeded for resources: ['network'].")
        assert other.refused("POST", "/networks", 409, {"networks": [{}, {}]})["type"] == "OverQuota"
        text = f"Quota limit {used} for network must be greater than or equal to already used {used + 1}"
        assert text in admin.refused("PUT", path, 400, {"quota": {"network": used}})["message"]
        assert admin.act(path, {"quota": {"network": used, "force": True}})["quota"]["network"] == used
        assert [one["network"] for one in admin.list("quotas") if one["project_id"] == other.project_id] == [used]
        other.delete("networks", made["id"])
    finally:
        assert admin.client.delete("network", path).status_code == 204
    assert admin.refused("DELETE", path, 404)["type"] == "TenantQuotaNotFound"
    assert other.client.get("network", path).json() == other.client.get("network", f"{path}/default").json()


def test_limits_are_not_for_everybody(demo: Net, other: Net) -> None:
    theirs = f"/quotas/{other.project_id}"
    assert demo.client.get("network", theirs).status_code == 403
    assert demo.client.get("network", f"{theirs}/details").status_code == 403
    assert demo.client.put("network", f"/quotas/{demo.project_id}", {"quota": {"network": -1}}).status_code == 403
    assert demo.client.delete("network", f"/quotas/{demo.project_id}").status_code == 403


@pytest.mark.parametrize(
    ("quota", "message"),
    [
        ({"network": -2}, "Invalid input for network. Reason: '-2' is too small - must be at least '-1'."),
        ({"network": "many"}, "'many' is not"),
        ({"server": 1}, "Unrecognized attribute(s) 'server'"),
        ({"tenant_id": "x"}, "Cannot update read-only attribute tenant_id"),
    ],
)
def test_limits_that_make_no_sense(admin: Net, demo: Net, quota: dict, message: str) -> None:
    assert message in admin.refused("PUT", f"/quotas/{demo.project_id}", 400, {"quota": quota})["message"]
    assert admin.refused("DELETE", f"/quotas/{demo.project_id}", 404)["type"] == "TenantQuotaNotFound"


def test_tags(demo: Net, reader: Net) -> None:
    net = demo.network("tagged")
    path = f"/networks/{net['id']}/tags"
    assert demo.act(path, {"tags": ["red", "blue"]}) == {"tags": ["blue", "red"]}
    assert demo.client.put("network", f"{path}/green").status_code == 201
    assert demo.client.get("network", f"{path}/green").status_code == 204
    assert demo.refused("GET", f"{path}/pink", 404)["type"] == "TagNotFound"
    demo.network("untagged")
    mine = {"project_id": demo.project_id, "fields": "name"}
    assert demo.list("networks", tags="red,blue", **mine) == [{"name": "tagged"}]
    assert demo.list("networks", tags="red,pink", **mine) == []
    assert demo.list("networks", **{"tags-any": "red,pink"}, **mine) == [{"name": "tagged"}]
    assert {"name": "tagged"} not in demo.list("networks", **{"not-tags": "red,blue"}, **mine)
    assert {"name": "tagged"} not in demo.list("networks", **{"not-tags-any": "red,pink"}, **mine)
    assert "Duplicate items" in demo.refused("PUT", path, 400, {"tags": ["red", "red"]})["message"]
    demo.refused("PUT", path, 400, {"tags": ["t" * 256]})
    demo.refused("PUT", path, 400, {"tags": [f"t{number}" for number in range(51)]})
    assert reader.client.put("network", f"{path}/green").status_code == 403
    assert demo.client.delete("network", f"{path}/red").status_code == 204
    assert demo.show("networks", net["id"])["tags"] == ["blue", "green"]
    assert demo.client.delete("network", path).status_code == 204
    assert demo.show("networks", net["id"])["tags"] == []


def test_used_addresses_are_counted(demo: Net, admin: Net) -> None:
    net = demo.network("counted", "10.80.0.0/28", allocation_pools=[{"start": "10.80.0.4", "end": "10.80.0.9"}])
    for _ in range(2):
        demo.create("ports", network_id=net["id"])
    found = admin.show("network-ip-availabilities", net["id"])
    dhcp = len(demo.list("ports", network_id=net["id"], device_owner="network:dhcp"))
    assert (found["used_ips"], found["total_ips"]) == (2 + dhcp, 6)
    assert [one["cidr"] for one in found["subnet_ip_availability"]] == ["10.80.0.0/28"]
    demo.create("ports", network_id=net["id"], fixed_ips=[{"ip_address": "10.80.0.12"}])  # no pool has this one
    details = admin.show("network-ip-availabilities", net["id"])["ip_availability_details"]
    assert (details["total_ips_in_subnet"], details["total_ips_in_allocation_pool"]) == (14, 6)
    assert (details["used_ips_in_subnet"], details["used_ips_in_allocation_pool"]) == (3 + dhcp, 2 + dhcp)
    assert demo.list("network-ip-availabilities") == []  # it is for administrators
    demo.refused("GET", f"/network-ip-availabilities/{net['id']}", 404)
