"""Power, locks, metadata, tags, security groups, interfaces and volumes of a running server."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from guests import act, guest, until
from waiting import LATEST, at, wait_for, wait_gone

from clouds import TestCloud
from monostack.agent.simulation import FaultRule
from monostack.services.compute.reconcilers import guests as looking

Boot = Callable[..., dict[str, Any]]


def test_stop_start_and_reboot(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("power")["id"]
    assert act(cloud.demo, server_id, {"os-start": None}).json()["conflictingRequest"]["message"] == (
        f"Cannot 'start' instance {server_id} while it is in vm_state active"
    )
    assert act(cloud.demo, server_id, {"os-stop": None}).status_code == 202
    assert wait_for(cloud.demo, server_id, "SHUTOFF")["OS-EXT-STS:power_state"] == 4
    assert guest(cloud, server_id).state == "stopped"
    assert act(cloud.demo, server_id, {"reboot": {"type": "SOFT"}}).status_code == 409
    assert act(cloud.demo, server_id, {"reboot": {"type": "HARD"}}).status_code == 202
    wait_for(cloud.demo, server_id, "ACTIVE")
    boots = guest(cloud, server_id).boots
    assert act(cloud.demo, server_id, {"reboot": {"type": "soft"}}).status_code == 202
    wait_for(cloud.demo, server_id, "ACTIVE")
    assert guest(cloud, server_id).boots == boots + 1


def test_while_a_server_is_built_only_deleting_is_allowed(cloud: TestCloud, flavor: str, image: str, network: str) -> None:
    slow = {"monostack:boot_delay": "3"}
    body = {"name": "slow", "flavorRef": flavor, "imageRef": image, "networks": [{"uuid": network}], "metadata": slow}
    server_id = cloud.demo.post("compute", "/servers", {"server": body}).json()["server"]["id"]
    shown = cloud.demo.get("compute", f"/servers/{server_id}").json()["server"]
    assert (shown["status"], shown["addresses"]) == ("BUILD", {})
    for action, name in (({"os-stop": None}, "stop"), ({"reboot": {"type": "HARD"}}, "reboot")):
        answer = act(cloud.demo, server_id, action)
        message = f"Cannot '{name}' instance {server_id} while it is in vm_state building"
        assert (answer.status_code, answer.json()["conflictingRequest"]["message"]) == (409, message)
    assert cloud.demo.delete("compute", f"/servers/{server_id}").status_code == 204
    until(lambda: cloud.demo.get("compute", f"/servers/{server_id}").status_code == 404)
    assert cloud.demo.get("network", f"/ports?device_id={server_id}").json()["ports"] == []


def test_a_boot_that_fails_says_why_and_holds_nothing(cloud: TestCloud, boot: Boot) -> None:
    wish = {"monostack:fail": "create", "monostack:message": "the disk is on fire"}
    server = boot("burnt", metadata=wish, status="ERROR")
    assert server["fault"]["message"] == f"Build of instance {server['id']} aborted: create failed: the disk is on fire"
    assert server["hostId"] == ""
    assert cloud.demo.get("network", f"/ports?device_id={server['id']}").json()["ports"] == []
    (action,) = cloud.demo.get("compute", f"/servers/{server['id']}/os-instance-actions").json()["instanceActions"]
    assert action["message"] == "Error"


def test_a_guest_that_shuts_down_by_itself_is_shutoff(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("sleepy", metadata={"monostack:shutdown_after": "0.3"})["id"]
    wait_for(cloud.demo, server_id, "SHUTOFF")
    crashed = boot("crashy", metadata={"monostack:crash_after": "0.3"})["id"]
    assert wait_for(cloud.demo, crashed, "SHUTOFF")["OS-EXT-STS:power_state"] == 6


def test_a_look_in_the_middle_of_a_reboot_is_not_believed(cloud: TestCloud, boot: Boot, monkeypatch: pytest.MonkeyPatch) -> None:
    server = boot("rebooting")["id"]
    host = cloud.admin.get("compute", f"/servers/{server}").json()["server"]["OS-EXT-SRV-ATTR:host"]
    hosts, call = cloud.app.cloud.hosts, cloud.app.cloud.hosts.call
    looked = False

    async def seen_stopped(name: str, kind: str, *arguments: Any, **options: Any) -> Any:
        nonlocal looked
        answer = await call(name, kind, *arguments, **options)
        if (name, kind) != (host, "guest.list") or looked:
            return answer
        looked = True
        await asyncio.to_thread(act, cloud.demo, server, {"reboot": {"type": "HARD"}})
        await asyncio.to_thread(wait_for, cloud.demo, server, "ACTIVE")
        stopped = {"state": "stopped", "reason": "destroyed"}
        return {"guests": [{**each, **(stopped if each["server_id"] == server else {})} for each in answer["guests"]]}

    monkeypatch.setattr(hosts, "call", seen_stopped)
    cloud.run(_look(cloud, host))
    assert looked and cloud.demo.get("compute", f"/servers/{server}").json()["server"]["status"] == "ACTIVE"


async def _look(cloud: TestCloud, host: str) -> None:
    looking.attention(cloud.app.cloud).soon.add(host)
    await looking.reconcile_guests(cloud.app.cloud)


def test_guests_return_after_their_host_restarted(cloud: TestCloud, boot: Boot) -> None:
    running, stopped = boot("returns")["id"], boot("stays")["id"]
    act(cloud.demo, stopped, {"os-stop": None})
    wait_for(cloud.demo, stopped, "SHUTOFF")
    host = cloud.admin.get("compute", f"/servers/{running}").json()["server"]["OS-EXT-SRV-ATTR:host"]
    link = cloud.app.cloud.hosts._local[host]

    async def restart() -> None:
        link.agent.drivers.hypervisor.lose_power()
        link.disconnect()

    boots = guest(cloud, running).boots
    cloud.run(restart())
    until(lambda: guest(cloud, running).boots == boots + 1)
    wait_for(cloud.demo, running, "ACTIVE")
    assert wait_for(cloud.demo, stopped, "SHUTOFF")["status"] == "SHUTOFF"


def test_what_boots_or_shuts_down_is_deleted_at_once(cloud: TestCloud, boot: Boot, flavor: str, image: str, network: str) -> None:
    body = {"name": "slow", "flavorRef": flavor, "imageRef": image, "networks": [{"uuid": network}]}
    slow = {**body, "metadata": {"monostack:boot_delay": "60"}}
    booting = cloud.demo.post("compute", "/servers", {"server": slow}).json()["server"]["id"]
    stopping = boot("stubborn", metadata={"monostack:stop_delay": "50"})["id"]
    act(cloud.demo, stopping, {"os-stop": None})
    until(lambda: booting in {id for link in cloud.app.cloud.hosts._local.values() for id in link.agent.drivers.hypervisor.known})
    for server_id in (booting, stopping):
        assert cloud.demo.delete("compute", f"/servers/{server_id}").status_code == 204
        wait_gone(cloud.demo, server_id, timeout=10)
        assert all(server_id not in link.agent.drivers.hypervisor.known for link in cloud.app.cloud.hosts._local.values())


def test_a_server_boots_however_often_its_host_is_lost_meanwhile(cloud: TestCloud, boot: Boot) -> None:
    cloud.app.faults.add(FaultRule(command="guest.create", disconnect=True, times=5))
    server = boot("persistent")
    assert cloud.app.faults.rules() == []
    assert guest(cloud, server["id"]).boots == 1


def test_what_is_deleted_while_its_host_is_away_goes_when_it_is_back(cloud: TestCloud, boot: Boot, image: str) -> None:
    root = {"boot_index": 0, "uuid": image, "source_type": "image", "destination_type": "volume", "volume_size": 1}
    server = boot("away", imageRef=None, block_device_mapping_v2=[{**root, "delete_on_termination": True}])
    (volume,) = server["os-extended-volumes:volumes_attached"]
    link = cloud.app.cloud.hosts._local[cloud.admin.get("compute", f"/servers/{server['id']}").json()["server"]["OS-EXT-SRV-ATTR:host"]]
    cloud.loop.call_soon_threadsafe(lambda: link.disconnect(reconnect=False))
    assert cloud.demo.delete("compute", f"/servers/{server['id']}").status_code == 204
    wait_gone(cloud.demo, server["id"])
    until(lambda: cloud.demo.get("volume", f"/volumes/{volume['id']}").json()["volume"]["status"] == "deleting")
    cloud.run(link.connect())
    # Its guest has the volume open until it is found to be nobody's.
    until(lambda: cloud.demo.get("volume", f"/volumes/{volume['id']}").status_code == 404)
    until(lambda: server["id"] not in link.agent.drivers.hypervisor.known)


def test_locked_servers_are_for_administrators(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("locked")["id"]
    assert act(cloud.demo, server_id, {"lock": {"locked_reason": "mine"}}, headers=LATEST).status_code == 202
    shown = cloud.demo.get("compute", f"/servers/{server_id}", headers=LATEST).json()["server"]
    assert (shown["locked"], shown["locked_reason"]) == (True, "mine")
    for answer in (act(cloud.demo, server_id, {"os-stop": None}), cloud.demo.delete("compute", f"/servers/{server_id}")):
        assert (answer.status_code, answer.json()["conflictingRequest"]["message"]) == (409, f"Instance {server_id} is locked")
    assert act(cloud.admin, server_id, {"os-stop": None}).status_code == 202
    wait_for(cloud.demo, server_id, "SHUTOFF")
    assert act(cloud.demo, server_id, {"unlock": None}).status_code == 202
    act(cloud.admin, server_id, {"lock": None})
    assert act(cloud.demo, server_id, {"unlock": None}).status_code == 403
    act(cloud.admin, server_id, {"unlock": None})


def test_what_is_gone_and_what_never_was(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("plain")["id"]
    answer = act(cloud.demo, server_id, {"resetNetwork": None})
    assert (answer.status_code, answer.json()["computeFault"]["code"]) == (410, 410)
    assert act(cloud.demo, server_id, {"dance": None}).json()["badRequest"]["message"] == "There is no such action: dance"


def test_metadata(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("meta", metadata={"a": "1"})["id"]
    path = f"/servers/{server_id}/metadata"
    assert cloud.demo.post("compute", path, {"metadata": {"b": "2"}}).json() == {"metadata": {"a": "1", "b": "2"}}
    assert cloud.demo.put("compute", f"{path}/c", {"meta": {"c": "3"}}).json() == {"meta": {"c": "3"}}
    assert cloud.demo.delete("compute", f"{path}/a").status_code == 204
    assert cloud.demo.get("compute", f"{path}/a").json()["itemNotFound"]["message"] == "Metadata item was not found"
    assert cloud.demo.put("compute", path, {"metadata": {}}).json() == {"metadata": {}}
    assert cloud.reader.put("compute", path, {"metadata": {}}).status_code == 403


def test_tags(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("tagged", tags=["red"])["id"]
    path = f"/servers/{server_id}/tags"
    assert cloud.demo.put("compute", f"{path}/blue", headers=LATEST).status_code == 201
    assert cloud.demo.put("compute", f"{path}/blue", headers=LATEST).status_code == 204
    assert cloud.demo.get("compute", path, headers=LATEST).json() == {"tags": ["red", "blue"]}
    assert cloud.demo.get("compute", path).status_code == 404
    queries = {"tags=red,blue": 1, "tags=red,green": 0, "tags-any=green,blue": 1, "not-tags=red": 0, "not-tags-any=x": 1}
    for query, found in queries.items():
        rows = cloud.demo.get("compute", f"/servers?name=^tagged$&{query}", headers=LATEST).json()["servers"]
        assert len(rows) == found, query
    assert cloud.demo.get("compute", f"{path}/red", headers=LATEST).status_code == 204
    assert cloud.demo.delete("compute", f"{path}/red", headers=LATEST).status_code == 204
    assert cloud.demo.get("compute", f"{path}/red", headers=LATEST).status_code == 404
    assert cloud.demo.put("compute", path, {"tags": ["a", "b"]}, headers=LATEST).json() == {"tags": ["a", "b"]}
    most = {"tags": [f"t{number}" for number in range(50)]}
    assert cloud.demo.put("compute", path, most, headers=LATEST).json() == most
    for one in ("t7", "new"):
        full = cloud.demo.put("compute", f"{path}/{one}", headers=LATEST)
        assert full.status_code == 400 and full.json()["badRequest"]["message"] == "The number of tags exceeded the per-server limit 50"
    assert cloud.demo.delete("compute", path, headers=LATEST).status_code == 204
    assert cloud.demo.get("compute", path, headers=LATEST).json() == {"tags": []}


def test_security_groups(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("grouped")["id"]
    cloud.demo.post("network", "/security-groups", {"security_group": {"name": "web"}})
    assert act(cloud.demo, server_id, {"addSecurityGroup": {"name": "web"}}).status_code == 202
    names = [group["name"] for group in cloud.demo.get("compute", f"/servers/{server_id}/os-security-groups").json()["security_groups"]]
    assert names == ["default", "web"]
    assert act(cloud.demo, server_id, {"removeSecurityGroup": {"name": "default"}}).status_code == 202
    shown = cloud.demo.get("compute", f"/servers/{server_id}").json()["server"]
    assert shown["security_groups"] == [{"name": "web"}]
    again = act(cloud.demo, server_id, {"removeSecurityGroup": {"name": "default"}})
    assert again.json()["itemNotFound"]["message"] == f"Security group default not associated with the instance {server_id}"
    assert act(cloud.demo, server_id, {"addSecurityGroup": {"name": "nope"}}).status_code == 404


def test_interfaces(cloud: TestCloud, boot: Boot, network: str) -> None:
    server_id = boot("nics")["id"]
    path = f"/servers/{server_id}/os-interface"
    made = cloud.demo.post("compute", path, {"interfaceAttachment": {"net_id": network, "tag": "second"}}, headers=at("2.70"))
    assert made.status_code == 200, made.text
    port = made.json()["interfaceAttachment"]
    assert (port["net_id"], port["tag"]) == (network, "second")
    until(lambda: port["port_id"] in guest(cloud, server_id).nics)
    wait_for(cloud.demo, server_id, "ACTIVE")
    assert len(cloud.demo.get("compute", path).json()["interfaceAttachments"]) == 2
    assert cloud.demo.get("compute", f"{path}/{port['port_id']}").json()["interfaceAttachment"]["mac_addr"] == port["mac_addr"]
    assert cloud.demo.delete("compute", f"{path}/{port['port_id']}").status_code == 202
    until(lambda: len(cloud.demo.get("compute", path).json()["interfaceAttachments"]) == 1)
    for body, status, message in (
        ({"net_id": network, "port_id": network}, 400, "Must not input both network_id and port_id"),
        ({"fixed_ips": [{"ip_address": "10.20.0.9"}]}, 400, "Must input network_id when request IP address"),
        ({"port_id": "11111111-2222-3333-4444-555555555555"}, 404, "Port id 11111111-2222-3333-4444-555555555555 could not be found."),
    ):
        answer = cloud.demo.post("compute", path, {"interfaceAttachment": body})
        assert (answer.status_code, next(iter(answer.json().values()))["message"]) == (status, message)


def test_a_port_of_ones_own_outlives_the_server(cloud: TestCloud, boot: Boot, image: str, network: str) -> None:
    port = cloud.demo.post("network", "/ports", {"port": {"network_id": network}}).json()["port"]
    server_id = boot("adopts", networks=[{"port": port["id"]}])["id"]
    bound = cloud.demo.get("network", f"/ports/{port['id']}").json()["port"]
    assert bound["device_id"] == server_id
    body = {"server": {"name": "x", "flavorRef": "small", "imageRef": image, "networks": [{"port": port["id"]}]}}
    taken = cloud.demo.post("compute", "/servers", body)
    assert (taken.status_code, taken.json()["conflictingRequest"]["message"]) == (409, f"Port {port['id']} is still in use.")
    cloud.demo.delete("compute", f"/servers/{server_id}")
    until(lambda: cloud.demo.get("compute", f"/servers/{server_id}").status_code == 404)
    free = cloud.demo.get("network", f"/ports/{port['id']}").json()["port"]
    assert (free["device_id"], free["device_owner"]) == ("", "")


@pytest.fixture
def volume(cloud: TestCloud) -> str:
    made = cloud.demo.post("volume", "/volumes", {"volume": {"size": 1}})
    assert made.status_code == 202, made.text
    volume_id = made.json()["volume"]["id"]
    until(lambda: cloud.demo.get("volume", f"/volumes/{volume_id}").json()["volume"]["status"] == "available")
    return volume_id


def test_volumes_are_attached_and_detached(cloud: TestCloud, boot: Boot, volume: str) -> None:
    server_id = boot("disks")["id"]
    path = f"/servers/{server_id}/os-volume_attachments"
    attached = cloud.demo.post("compute", path, {"volumeAttachment": {"volumeId": volume}})
    assert attached.json() == {"volumeAttachment": {"id": volume, "serverId": server_id, "volumeId": volume, "device": "/dev/vdb"}}
    until(lambda: cloud.demo.get("volume", f"/volumes/{volume}").json()["volume"]["status"] == "in-use")
    assert guest(cloud, server_id).volumes == {volume: "vdb"}
    (shown,) = cloud.demo.get("compute", path, headers=LATEST).json()["volumeAttachments"]
    assert set(shown) == {"serverId", "volumeId", "device", "tag", "delete_on_termination", "attachment_id", "bdm_uuid"}
    twice = cloud.demo.post("compute", path, {"volumeAttachment": {"volumeId": volume}})
    assert twice.status_code == 400 and f"is already attached to instances: {server_id}" in twice.json()["badRequest"]["message"]
    keep = {"volumeAttachment": {"volumeId": volume, "delete_on_termination": True}}
    assert cloud.demo.put("compute", f"{path}/{volume}", keep, headers=LATEST).status_code == 202
    assert cloud.demo.get("compute", f"{path}/{volume}", headers=LATEST).json()["volumeAttachment"]["delete_on_termination"] is True
    assert cloud.demo.delete("compute", f"{path}/{volume}").status_code == 202  # even a volume that was to go with the server stays
    until(lambda: cloud.demo.get("volume", f"/volumes/{volume}").json()["volume"]["status"] == "available")
    assert cloud.demo.get("compute", path).json() == {"volumeAttachments": []}
    missing = cloud.demo.delete("compute", f"{path}/{volume}")
    assert missing.json()["itemNotFound"]["message"] == f"Instance {server_id} is not attached to volume {volume}"


def test_a_server_boots_from_a_new_volume_that_goes_with_it(cloud: TestCloud, boot: Boot, image: str) -> None:
    root = {"boot_index": 0, "uuid": image, "source_type": "image", "destination_type": "volume", "volume_size": 1,
            "delete_on_termination": True}  # fmt: skip
    server = boot("from-volume", imageRef=None, block_device_mapping_v2=[root])
    (attached,) = server["os-extended-volumes:volumes_attached"]
    assert server["image"] == "" and attached["delete_on_termination"] is True
    refused = cloud.demo.delete("compute", f"/servers/{server['id']}/os-volume_attachments/{attached['id']}")
    assert refused.json()["badRequest"]["message"] == "Cannot detach a root device volume"
    cloud.demo.delete("compute", f"/servers/{server['id']}")
    until(lambda: cloud.demo.get("volume", f"/volumes/{attached['id']}").status_code == 404)


def test_a_volume_of_ones_own_outlives_the_server(cloud: TestCloud, boot: Boot, volume: str, image: str) -> None:
    local = {"boot_index": 0, "uuid": image, "source_type": "image", "destination_type": "local"}
    data = {"uuid": volume, "source_type": "volume", "destination_type": "volume", "boot_index": -1}
    server = boot("with-data", block_device_mapping_v2=[local, data])
    assert [each["id"] for each in server["os-extended-volumes:volumes_attached"]] == [volume]
    cloud.demo.delete("compute", f"/servers/{server['id']}")
    until(lambda: cloud.demo.get("volume", f"/volumes/{volume}").json()["volume"]["status"] == "available")
