"""Every workflow of servers, in every way it may go."""

from typing import Any

import pytest
from harness import COMPUTE, NETWORK, VOLUME, Bench, Case, Trial, trials
from servers import again, boot, guest_of, has, make_volume, running, show, stopped

# --- booting ---------------------------------------------------------------------------------------------------------------


async def _nothing(bench: Bench) -> dict[str, Any]:
    return {}


async def _begin_boot(bench: Bench, given: dict[str, Any]) -> None:
    given["server"] = await boot(bench)


async def _is_active(bench: Bench, given: dict[str, Any]) -> None:
    server = await show(bench, given["server"])
    assert server["status"] == "ACTIVE", server
    assert guest_of(bench, server).state == "running"
    assert len(server["addresses"]["n"]) == 1


BOOT = Case("boot_server", _nothing, _begin_boot, _is_active, {"new_volumes": []})


async def _with_volume(bench: Bench) -> dict[str, Any]:
    return {"volume": await make_volume(bench)}


async def _begin_boot_with_volume(bench: Bench, given: dict[str, Any]) -> None:
    local = {"boot_index": 0, "uuid": bench.image, "source_type": "image", "destination_type": "local"}
    data = {"uuid": given["volume"], "source_type": "volume", "destination_type": "volume"}
    given["server"] = await boot(bench, block_device_mapping_v2=[local, data])


async def _has_its_volume(bench: Bench, given: dict[str, Any]) -> None:
    await _is_active(bench, given)
    server = await show(bench, given["server"])
    assert [each["id"] for each in server["os-extended-volumes:volumes_attached"]] == [given["volume"]]
    assert list(guest_of(bench, server).volumes) == [given["volume"]]
    volume = (await bench.ask("GET", f"{VOLUME}/volumes/{given['volume']}")).json()["volume"]
    assert (volume["status"], [a["server_id"] for a in volume["attachments"]]) == ("in-use", [given["server"]])


BOOT_WITH_VOLUME = Case("boot_server", _with_volume, _begin_boot_with_volume, _has_its_volume, {"new_volumes": []})


async def _begin_boot_from_new_volume(bench: Bench, given: dict[str, Any]) -> None:
    root = {"boot_index": 0, "uuid": bench.image, "source_type": "image", "destination_type": "volume", "volume_size": 1,
            "delete_on_termination": True}  # fmt: skip
    given["server"] = await boot(bench, imageRef=None, block_device_mapping_v2=[root])


async def _runs_from_a_volume(bench: Bench, given: dict[str, Any]) -> None:
    await _is_active(bench, given)
    server = await show(bench, given["server"])
    (attached,) = server["os-extended-volumes:volumes_attached"]
    assert server["image"] == "" and attached["id"] in bench.storage.volumes


BOOT_FROM_NEW_VOLUME = Case("boot_server", _nothing, _begin_boot_from_new_volume, _runs_from_a_volume, {"new_volumes": ["x"]})

# --- power -----------------------------------------------------------------------------------------------------------------


STOP = Case("stop_server", running, again({"os-stop": None}), has("SHUTOFF", "stopped"), {}, forward=True)
START = Case("start_server", stopped, again({"os-start": None}), has("ACTIVE", "running"), {}, forward=True)
REBOOT = Case("reboot_server", running, again({"reboot": {"type": "HARD"}}), has("ACTIVE", "running"), {}, forward=True)

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
    return {**await running(bench), **await _with_volume(bench)}


async def _attach(bench: Bench, given: dict[str, Any]) -> None:
    body = {"volumeAttachment": {"volumeId": given["volume"]}}
    await bench.ask("POST", f"{COMPUTE}/servers/{given['server']}/os-volume_attachments", body, 200)


async def _detach(bench: Bench, given: dict[str, Any]) -> None:
    await bench.ask("DELETE", f"{COMPUTE}/servers/{given['server']}/os-volume_attachments/{given['volume']}", expect=202)


async def _volume_is_free(bench: Bench, given: dict[str, Any]) -> None:
    server = await show(bench, given["server"])
    assert server["os-extended-volumes:volumes_attached"] == [] and guest_of(bench, server).volumes == {}
    assert (await bench.taken())["volumes"] == [(given["volume"], "available", 1)]


ATTACH = Case("attach_volume", _server_and_volume, _attach, _has_its_volume, {})
DETACH = Case("detach_volume", _with_attached_volume, _detach, _volume_is_free, {}, forward=True)


async def _attach_interface(bench: Bench, given: dict[str, Any]) -> None:
    body = {"interfaceAttachment": {"net_id": bench.network}}
    answer = await bench.ask("POST", f"{COMPUTE}/servers/{given['server']}/os-interface", body, 200)
    given["port"] = answer.json()["interfaceAttachment"]["port_id"]


async def _has_two_nics(bench: Bench, given: dict[str, Any]) -> None:
    server = await show(bench, given["server"])
    assert len(server["addresses"]["n"]) == 2 and given["port"] in guest_of(bench, server).nics


async def _with_two_nics(bench: Bench) -> dict[str, Any]:
    given = await running(bench)
    await _attach_interface(bench, given)
    await bench.rest()
    return given


async def _detach_interface(bench: Bench, given: dict[str, Any]) -> None:
    await bench.ask("DELETE", f"{COMPUTE}/servers/{given['server']}/os-interface/{given['port']}", expect=202)


async def _has_one_nic(bench: Bench, given: dict[str, Any]) -> None:
    server = await show(bench, given["server"])
    assert len(server["addresses"]["n"]) == 1 and given["port"] not in guest_of(bench, server).nics
    assert (await bench.ask("GET", f"{NETWORK}/ports/{given['port']}")).status == 404


ATTACH_INTERFACE = Case("attach_interface", running, _attach_interface, _has_two_nics, {})
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
