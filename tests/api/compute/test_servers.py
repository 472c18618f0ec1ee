"""The life of a server: made, shown, changed, deleted."""

from collections.abc import Callable
from typing import Any

import pytest
from waiting import LATEST, at, wait_for, wait_gone

from clouds import TestCloud
from monostack.services.placement import facade as placement

Boot = Callable[..., dict[str, Any]]


def test_a_server_boots_with_an_address_of_its_network(cloud: TestCloud, boot: Boot, image: str, network: str) -> None:
    server = boot("first", metadata={"a": "b"}, tags=["blue"], description=None)
    assert (server["name"], server["image"]["id"], server["metadata"], server["tags"]) == ("first", image, {"a": "b"}, ["blue"])
    assert server["flavor"] == {
        "original_name": "small", "vcpus": 1, "ram": 64, "disk": 1, "ephemeral": 0, "swap": 0, "extra_specs": {}
    }  # fmt: skip
    (address,) = server["addresses"]["net"]
    assert address["version"] == 4 and address["OS-EXT-IPS:type"] == "fixed" and address["addr"].startswith("10.20.")
    path = f"/servers/{server['id']}"
    assert cloud.demo.get("compute", f"{path}/ips/net").json() == {"net": [{"version": 4, "addr": address["addr"]}]}
    assert cloud.demo.get("compute", f"{path}/ips/nosuch").status_code == 404
    assert cloud.demo.get("compute", f"{path}/metadata/a").json() == {"meta": {"a": "b"}}
    assert cloud.demo.get("compute", f"{path}/metadata/b").status_code == 404
    assert cloud.demo.get("compute", f"{path}/os-server-password").json() == {"password": ""}
    assert cloud.demo.delete("compute", f"{path}/os-server-password").status_code == 204
    assert server["security_groups"] == [{"name": "default"}]
    assert (server["OS-EXT-STS:vm_state"], server["OS-EXT-STS:power_state"], server["progress"]) == ("active", 1, 0)
    assert server["OS-EXT-AZ:availability_zone"] == "nova" and len(server["hostId"]) == 56
    assert "OS-EXT-SRV-ATTR:host" not in server
    seen = cloud.admin.get("compute", f"/servers/{server['id']}", headers=LATEST).json()["server"]
    assert seen["OS-EXT-SRV-ATTR:host"].startswith("sim-") and seen["host_status"] == "UP"
    ports = cloud.demo.get("network", f"/ports?device_id={server['id']}").json()["ports"]
    assert [(port["fixed_ips"][0]["ip_address"], port["mac_address"]) for port in ports] == [
        (address["addr"], address["OS-EXT-IPS-MAC:mac_addr"])
    ]


def test_creating_answers_with_links_and_a_password(cloud: TestCloud, flavor: str, image: str, network: str) -> None:
    body = {"server": {"name": "answer", "flavorRef": flavor, "imageRef": image, "networks": [{"uuid": network}]}}
    answer = cloud.demo.post("compute", "/servers", body)
    server = answer.json()["server"]
    assert answer.status_code == 202 and set(server) == {"id", "links", "OS-DCF:diskConfig", "security_groups", "adminPass"}
    assert answer.headers["location"] == server["links"][0]["href"]
    assert len(server["adminPass"]) == 12
    again = cloud.demo.post("compute", "/servers", {"server": {**body["server"], "return_reservation_id": True}})
    assert set(again.json()) == {"reservation_id"}


def test_deleting_gives_everything_back(cloud: TestCloud, boot: Boot) -> None:
    server = boot("goner")
    assert cloud.demo.delete("compute", f"/servers/{server['id']}").status_code == 204
    wait_gone(cloud.demo, server["id"])
    assert cloud.demo.get("network", f"/ports?device_id={server['id']}").json()["ports"] == []
    assert cloud.run(cloud.app.db.read(lambda tx: placement.allocations_of(tx, [server["id"]]))) == {}
    assert cloud.demo.delete("compute", f"/servers/{server['id']}").status_code == 404
    gone = cloud.admin.get("compute", "/servers/detail?all_tenants=1&deleted=true&name=^goner$", headers=LATEST).json()["servers"]
    assert [(each["status"], each["id"]) for each in gone] == [("DELETED", server["id"])]


def test_another_projects_server_does_not_exist(cloud: TestCloud, boot: Boot) -> None:
    server = boot("secret")
    path = f"/servers/{server['id']}"
    for answer in (
        cloud.other.get("compute", path),
        cloud.other.delete("compute", path),
        cloud.other.put("compute", path, {"server": {"name": "mine"}}),
        cloud.other.post("compute", f"{path}/action", {"os-stop": None}),
        cloud.other.get("compute", f"{path}/os-interface"),
        cloud.other.get("compute", f"{path}/metadata"),
    ):
        assert answer.status_code == 404
        assert answer.json()["itemNotFound"]["message"] == f"Instance {server['id']} could not be found."
    assert cloud.reader.get("compute", path).status_code == 200
    refused = cloud.reader.delete("compute", path)
    assert (refused.status_code, refused.json()["forbidden"]["message"]) == (
        403, "Policy doesn't allow os_compute_api:servers:delete to be performed."
    )  # fmt: skip


def test_updating(cloud: TestCloud, boot: Boot) -> None:
    server = boot("rename")
    path = f"/servers/{server['id']}"
    old = cloud.demo.put("compute", path, {"server": {"name": "renamed", "accessIPv4": "192.0.2.1"}}).json()["server"]
    assert (old["name"], old["accessIPv4"]) == ("renamed", "192.0.2.1")
    assert "config_drive" not in old and "OS-EXT-IPS:type" not in old["addresses"]["net"][0]
    new = cloud.demo.put("compute", path, {"server": {"description": "mine", "hostname": "a.example"}}, headers=LATEST).json()["server"]
    assert (new["description"], new["OS-EXT-SRV-ATTR:hostname"], new["config_drive"]) == ("mine", "a.example", "")
    for change, message in (
        ({"name": ""}, "Invalid input for field/attribute name. Value: . '' should be non-empty"),
        ({"accessIPv4": "x"}, "Invalid input for field/attribute accessIPv4. Value: x. 'x' is not a 'ipv4'"),
    ):
        answer = cloud.demo.put("compute", path, {"server": change})
        assert (answer.status_code, answer.json()["badRequest"]["message"]) == (400, message)


def test_several_servers_at_once(cloud: TestCloud, flavor: str, image: str, network: str) -> None:
    body = {"name": "many", "flavorRef": flavor, "imageRef": image, "networks": [{"uuid": network}], "min_count": 2, "max_count": 3}
    first = cloud.demo.post("compute", "/servers", {"server": body}).json()["server"]["id"]
    wait_for(cloud.demo, first, "ACTIVE")
    found = cloud.demo.get("compute", "/servers?name=^many-&sort_key=display_name&sort_dir=asc").json()["servers"]
    assert [server["name"] for server in found] == ["many-1", "many-2", "many-3"]
    for server in found:
        wait_for(cloud.demo, server["id"], "ACTIVE")


def test_the_console_log(cloud: TestCloud, boot: Boot) -> None:
    server = boot("talker")
    path = f"/servers/{server['id']}/action"
    whole = cloud.demo.post("compute", path, {"os-getConsoleOutput": {}}).json()["output"]
    assert "talker login:" in whole
    assert cloud.demo.post("compute", path, {"os-getConsoleOutput": {"length": 2}}).json()["output"] == whole.splitlines(keepends=True)[-1]
    assert cloud.demo.post("compute", path, {"os-getConsoleOutput": {"length": "x"}}).status_code == 400


def test_what_happened_is_listed(cloud: TestCloud, boot: Boot) -> None:
    server = boot("history")
    path = f"/servers/{server['id']}/os-instance-actions"
    (action,) = cloud.demo.get("compute", path, headers=LATEST).json()["instanceActions"]
    assert (action["action"], action["message"], action["user_id"]) == ("create", None, cloud.demo.user_id)
    shown = cloud.demo.get("compute", f"{path}/{action['request_id']}", headers=LATEST).json()["instanceAction"]
    (event,) = shown["events"]
    assert (event["event"], event["result"]) == ("compute__do_build_and_run_instance", "Success")
    assert "host" not in event and event["hostId"] == server["hostId"]
    assert "events" not in cloud.demo.get("compute", f"{path}/{action['request_id']}").json()["instanceAction"]
    assert cloud.admin.get("compute", f"{path}/{action['request_id']}", headers=LATEST).json()["instanceAction"]["events"][0]["host"]
    assert cloud.demo.get("compute", f"{path}/nope").json()["itemNotFound"]["message"] == "Action nope not found"
    cloud.demo.delete("compute", f"/servers/{server['id']}")
    wait_gone(cloud.demo, server["id"])
    assert cloud.demo.get("compute", path).status_code == 404
    later = cloud.demo.get("compute", path, headers=at("2.21")).json()["instanceActions"]
    assert [each["action"] for each in later] == ["delete", "create"]


MISSING = "11111111-2222-3333-4444-555555555555"
PRINTABLE = "An invalid 'name' value was provided. The name must be: printable characters. Can not start or end with whitespace."
REFUSALS: list[tuple[dict[str, Any], int, str]] = [
    ({"flavorRef": "nope"}, 400, "Flavor nope could not be found."),
    ({"imageRef": MISSING}, 400, "Can not find requested image"),
    ({"imageRef": None}, 400, "Missing imageRef attribute"),
    ({"key_name": "nope"}, 400, "Invalid key_name provided."),
    ({"min_count": 3, "max_count": 2}, 400, "min_count must be <= max_count"),
    ({"min_count": 0}, 400, "Invalid input for field/attribute min_count. Value: 0. 0 is less than the minimum of 1"),
    ({"availability_zone": "nope"}, 400, "The requested availability zone is not available"),
    ({"metadata": {f"k{n}": "v" for n in range(129)}}, 403, "Maximum number of metadata items exceeds 128"),
    ({"metadata": {"a": 5}}, 400, "Invalid input for field/attribute a. Value: 5. 5 is not of type 'string'"),
    ({"security_groups": [{"name": "nope"}]}, 400, "Unable to find security_group with name or id 'nope'"),
    ({"networks": [{"uuid": MISSING}]}, 400, f"Network {MISSING} could not be found."),
    ({"networks": [{"port": MISSING}]}, 400, f"Port id {MISSING} could not be found."),
    ({"networks": [{}]}, 400, "Bad network format: missing 'uuid'"),
    ({"host": "sim-001"}, 403, "Policy doesn't allow compute:servers:create:requested_destination to be performed."),
    ({"user_data": "abc"}, 400, "Invalid input for field/attribute user_data. Value: abc. 'abc' is not a 'base64'"),
    ({"name": " "}, 400, PRINTABLE),
    ({"tags": ["a/b"]}, 400, "Invalid input for field/attribute 0. Value: a/b. 'a/b' does not match '^[^,/]*$'"),
]


@pytest.mark.parametrize(("change", "status", "message"), REFUSALS)
def test_refusals(
    cloud: TestCloud, flavor: str, image: str, network: str, change: dict[str, Any], status: int, message: str
) -> None:
    body = {"name": "refused", "flavorRef": flavor, "imageRef": image, "networks": [{"uuid": network}], **change}
    body = {key: value for key, value in body.items() if value is not None}
    answer = cloud.demo.post("compute", "/servers", {"server": body}, headers=LATEST)
    assert (answer.status_code, next(iter(answer.json().values()))["message"]) == (status, message)
    assert cloud.demo.get("compute", "/servers?name=refused").json()["servers"] == []


def test_a_server_without_a_host_ends_in_error_with_the_reason(cloud: TestCloud, boot: Boot) -> None:
    cloud.admin.post("compute", "/flavors", {"flavor": {"name": "huge", "id": "huge", "ram": 500_000, "disk": 1, "vcpus": 1}})
    limits = {"quota_set": {"ram": -1}}
    cloud.admin.put("compute", f"/os-quota-sets/{cloud.demo.project_id}", limits)
    server = boot("homeless", flavorRef="huge", status="ERROR")
    assert server["fault"]["message"] == "No valid host was found. There are not enough hosts available."
    assert server["fault"]["code"] == 500 and "details" not in server["fault"]
    details = cloud.admin.get("compute", f"/servers/{server['id']}").json()["server"]["fault"]["details"]
    assert "sim-001: 500000 MEMORY_MB are asked for" in details
    assert cloud.demo.get("network", f"/ports?device_id={server['id']}").json()["ports"] == []
    assert cloud.demo.delete("compute", f"/servers/{server['id']}").status_code == 204
    wait_gone(cloud.demo, server["id"])


def test_quotas_are_counted_from_what_there_is(cloud: TestCloud, flavor: str) -> None:
    path = f"/os-quota-sets/{cloud.other.project_id}"
    cloud.admin.put("compute", path, {"quota_set": {"instances": 1, "cores": 1}})
    own = cloud.other.post("image", "/images", {"name": "own", "disk_format": "raw", "container_format": "bare"}).json()["id"]
    cloud.other.put("image", f"/images/{own}/file", content=b"x", headers={"content-type": "application/octet-stream"})
    body = {"server": {"name": "one", "flavorRef": flavor, "imageRef": own, "networks": "none"}}
    first = cloud.other.post("compute", "/servers", body, headers=LATEST)
    assert first.status_code == 202, first.text
    second = cloud.other.post("compute", "/servers", body, headers=LATEST)
    assert second.status_code == 403
    assert second.json()["forbidden"]["message"] == (
        "Quota exceeded for cores, instances: Requested 1, 1, but already used 1, 1 of 1, 1 cores, instances"
    )
    usage = cloud.admin.get("compute", f"{path}/detail", headers=LATEST).json()["quota_set"]
    assert (usage["instances"], usage["ram"]["in_use"]) == ({"limit": 1, "in_use": 1, "reserved": 0}, 64)
    server_id = first.json()["server"]["id"]
    cloud.other.delete("compute", f"/servers/{server_id}")
    wait_gone(cloud.other, server_id)
    again = cloud.other.post("compute", "/servers", body, headers=LATEST)
    assert again.status_code == 202
