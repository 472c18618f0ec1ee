"""Every workflow of servers, in every way it may go."""

from typing import Any

import pytest
from harness import COMPUTE, NETWORK, VOLUME, Bench, Case, Trial, trials

LATEST = {"openstack-api-version": "compute 2.96"}


async def _boot(bench: Bench, **fields: Any) -> str:
    body = {"name": "s", "flavorRef": "f", "imageRef": bench.image, "networks": [{"uuid": bench.network}], **fields}
    body = {key: value for key, value in body.items() if value is not None}
    answer = await bench.ask("POST", f"{COMPUTE}/servers", {"server": body}, 202, openstack_api_version="compute 2.60")
    return answer.json()["server"]["id"]


async def _server(bench: Bench, server_id: str) -> dict[str, Any]:
    return (await bench.ask("GET", f"{COMPUTE}/servers/{server_id}", expect=200)).json()["server"]


async def _volume(bench: Bench) -> str:
    volume_id = (await bench.ask("POST", f"{VOLUME}/volumes", {"volume": {"size": 1}}, 202)).json()["volume"]["id"]
    await bench.rest()
    return volume_id


def _guest(bench: Bench, server: dict[str, Any]) -> Any:
    return bench.agents[server["OS-EXT-SRV-ATTR:host"]].drivers.hypervisor.known[server["id"]]


async def _running(bench: Bench) -> dict[str, Any]:
    server_id = await _boot(bench)
    await bench.rest()
    return {"server": server_id}


# --- booting ---------------------------------------------------------------------------------------------------------------


async def _nothing(bench: Bench) -> dict[str, Any]:
    return {}


async def _begin_boot(bench: Bench, given: dict[str, Any]) -> None:
    given["server"] = await _boot(bench)


async def _is_active(bench: Bench, given: dict[str, Any]) -> None:
    server = await _server(bench, given["server"])
    assert server["status"] == "ACTIVE", server
    assert _guest(bench, server).state == "running"
    assert len(server["addresses"]["n"]) == 1


BOOT = Case("boot_server", _nothing, _begin_boot, _is_active, {"new_volumes": []})


async def _with_volume(bench: Bench) -> dict[str, Any]:
    return {"volume": await _volume(bench)}


async def _begin_boot_with_volume(bench: Bench, given: dict[str, Any]) -> None:
    local = {"boot_index": 0, "uuid": bench.image, "source_type": "image", "destination_type": "local"}
    data = {"uuid": given["volume"], "source_type": "volume", "destination_type": "volume"}
    given["server"] = await _boot(bench, block_device_mapping_v2=[local, data])


async def _has_its_volume(bench: Bench, given: dict[str, Any]) -> None:
    await _is_active(bench, given)
    server = await _server(bench, given["server"])
    assert [each["id"] for each in server["os-extended-volumes:volumes_attached"]] == [given["volume"]]
    assert list(_guest(bench, server).volumes) == [given["volume"]]
    volume = (await bench.ask("GET", f"{VOLUME}/volumes/{given['volume']}")).json()["volume"]
    assert (volume["status"], [a["server_id"] for a in volume["attachments"]]) == ("in-use", [given["server"]])


BOOT_WITH_VOLUME = Case("boot_server", _with_volume, _begin_boot_with_volume, _has_its_volume, {"new_volumes": []})


async def _begin_boot_from_new_volume(bench: Bench, given: dict[str, Any]) -> None:
    root = {"boot_index": 0, "uuid": bench.image, "source_type": "image", "destination_type": "volume", "volume_size": 1,
            "delete_on_termination": True}  # fmt: skip
    given["server"] = await _boot(bench, imageRef=None, block_device_mapping_v2=[root])


async def _runs_from_a_volume(bench: Bench, given: dict[str, Any]) -> None:
    await _is_active(bench, given)
    server = await _server(bench, given["server"])
    (attached,) = server["os-extended-volumes:volumes_attached"]
    assert server["image"] == "" and attached["id"] in bench.storage.volumes


BOOT_FROM_NEW_VOLUME = Case("boot_server", _nothing, _begin_boot_from_new_volume, _runs_from_a_volume, {"new_volumes": ["x"]})

# --- power -----------------------------------------------------------------------------------------------------------------


def _action(body: dict[str, Any]) -> Any:
    async def act(bench: Bench, given: dict[str, Any]) -> None:
        await bench.ask("POST", f"{COMPUTE}/servers/{given['server']}/action", body, 202)

    return act


def _again(body: dict[str, Any]) -> Any:
    """The request made again after a failure: of a server in ERROR an administrator says it is well first."""

    async def act(bench: Bench, given: dict[str, Any]) -> None:
        if (await _server(bench, given["server"]))["status"] == "ERROR":
            path = f"{COMPUTE}/servers/{given['server']}/action"
            await bench.ask("POST", path, {"os-resetState": {"state": "active"}}, 202)
            await bench.app.cloud.reconcilers.run_once("compute_guests")
            if next(iter(body)) == "os-start":
                await bench.ask("POST", path, {"os-stop": None}, 202)
                await bench.rest()
        await _action(body)(bench, given)

    return act


def _has(status: str, guest: str) -> Any:
    async def ended(bench: Bench, given: dict[str, Any]) -> None:
        server = await _server(bench, given["server"])
        assert (server["status"], _guest(bench, server).state) == (status, guest)

    return ended


async def _stopped(bench: Bench) -> dict[str, Any]:
    given = await _running(bench)
    await _action({"os-stop": None})(bench, given)
    await bench.rest()
    return given


STOP = Case("stop_server", _running, _again({"os-stop": None}), _has("SHUTOFF", "stopped"), {}, forward=True)
START = Case("start_server", _stopped, _again({"os-start": None}), _has("ACTIVE", "running"), {}, forward=True)
REBOOT = Case("reboot_server", _running, _again({"reboot": {"type": "HARD"}}), _has("ACTIVE", "running"), {}, forward=True)

# --- deleting --------------------------------------------------------------------------------------------------------------


async def _with_attached_volume(bench: Bench) -> dict[str, Any]:
    given = await _with_volume(bench)
    await _begin_boot_with_volume(bench, given)
    await bench.rest()
    return given


async def _delete(bench: Bench, given: dict[str, Any]) -> None:
    await bench.ask("DELETE", f"{COMPUTE}/servers/{given['server']}", expect=204)


async def _is_gone(bench: Bench, given: dict[str, Any]) -> None:
    await bench.ask("GET", f"{COMPUTE}/servers/{given['server']}", expect=404)
    held = await bench.taken()
    assert (held["allocations"], held["ports"], held["attachments"], held["server volumes"], held["guests"]) == ([], [], [], [], {})
    assert held["volumes"] == [(given["volume"], "available", 1)]


DELETE = Case("delete_server", _with_attached_volume, _delete, _is_gone, {}, forward=True)

# --- volumes and interfaces ------------------------------------------------------------------------------------------------


async def _server_and_volume(bench: Bench) -> dict[str, Any]:
    return {**await _running(bench), **await _with_volume(bench)}


async def _attach(bench: Bench, given: dict[str, Any]) -> None:
    body = {"volumeAttachment": {"volumeId": given["volume"]}}
    await bench.ask("POST", f"{COMPUTE}/servers/{given['server']}/os-volume_attachments", body, 200)


async def _detach(bench: Bench, given: dict[str, Any]) -> None:
    await bench.ask("DELETE", f"{COMPUTE}/servers/{given['server']}/os-volume_attachments/{given['volume']}", expect=202)


async def _volume_is_free(bench: Bench, given: dict[str, Any]) -> None:
    server = await _server(bench, given["server"])
    assert server["os-extended-volumes:volumes_attached"] == [] and _guest(bench, server).volumes == {}
    assert (await bench.taken())["volumes"] == [(given["volume"], "available", 1)]


ATTACH = Case("attach_volume", _server_and_volume, _attach, _has_its_volume, {})
DETACH = Case("detach_volume", _with_attached_volume, _detach, _volume_is_free, {}, forward=True)


async def _attach_interface(bench: Bench, given: dict[str, Any]) -> None:
    body = {"interfaceAttachment": {"net_id": bench.network}}
    answer = await bench.ask("POST", f"{COMPUTE}/servers/{given['server']}/os-interface", body, 200)
    given["port"] = answer.json()["interfaceAttachment"]["port_id"]


async def _has_two_nics(bench: Bench, given: dict[str, Any]) -> None:
    server = await _server(bench, given["server"])
    assert len(server["addresses"]["n"]) == 2 and given["port"] in _guest(bench, server).nics


async def _with_two_nics(bench: Bench) -> dict[str, Any]:
    given = await _running(bench)
    await _attach_interface(bench, given)
    await bench.rest()
    return given


async def _detach_interface(bench: Bench, given: dict[str, Any]) -> None:
    await bench.ask("DELETE", f"{COMPUTE}/servers/{given['server']}/os-interface/{given['port']}", expect=202)


async def _has_one_nic(bench: Bench, given: dict[str, Any]) -> None:
    server = await _server(bench, given["server"])
    assert len(server["addresses"]["n"]) == 1 and given["port"] not in _guest(bench, server).nics
    assert (await bench.ask("GET", f"{NETWORK}/ports/{given['port']}")).status == 404


ATTACH_INTERFACE = Case("attach_interface", _running, _attach_interface, _has_two_nics, {})
DETACH_INTERFACE = Case("detach_interface", _with_two_nics, _detach_interface, _has_one_nic, {}, forward=True)

CASES = {
    "boot": BOOT, "boot with a volume": BOOT_WITH_VOLUME, "boot from a new volume": BOOT_FROM_NEW_VOLUME, "stop": STOP, "start": START,
    "reboot": REBOOT, "delete": DELETE, "attach volume": ATTACH, "detach volume": DETACH, "attach interface": ATTACH_INTERFACE,
    "detach interface": DETACH_INTERFACE,
}  # fmt: skip


@pytest.mark.parametrize(
    ("case", "trial"),
    [pytest.param(case, trial, id=f"{name.replace(' ', '_')}-{trial}") for name, case in CASES.items() for trial in trials(case)],
)
def test_workflow(bench: Bench, case: Case, trial: Trial) -> None:
    bench.put(case, trial)
