"""Rebuilding servers, in every way it may go."""

from typing import Any

import pytest
from harness import COMPUTE, Bench, Case, Trial, trials
from servers import action, boot, guest_of, running, show


async def _rebuild(bench: Bench, given: dict[str, Any]) -> None:
    body = {"rebuild": {"imageRef": bench.image, "name": "anew"}}
    await bench.ask("POST", f"{COMPUTE}/servers/{given['server']}/action", body, 202, openstack_api_version="compute 2.93")


async def _is_anew(bench: Bench, given: dict[str, Any]) -> None:
    server = await show(bench, given["server"])
    assert (server["status"], server["name"], len(server["addresses"]["n"])) == (given.get("ends", "ACTIVE"), "anew", 1), server
    guest = guest_of(bench, server)
    assert (guest.state, len(guest.nics)) == ("running" if given.get("ends") is None else "stopped", 1)
    held = await bench.taken()
    assert all(status == "in-use" for _, status, _ in held["volumes"])
    assert sorted(guest.volumes) == [row[0] for row in held["volumes"]]


async def _stopped(bench: Bench) -> dict[str, Any]:
    given = await running(bench)
    await action({"os-stop": None})(bench, given)
    await bench.rest()
    return {**given, "ends": "SHUTOFF"}


async def _on_a_volume(bench: Bench) -> dict[str, Any]:
    root = {"boot_index": 0, "uuid": bench.image, "source_type": "image", "destination_type": "volume", "volume_size": 1}
    given = {"server": await boot(bench, imageRef=None, block_device_mapping_v2=[root])}
    await bench.rest()
    return given


async def _again_and_stop(bench: Bench, given: dict[str, Any]) -> None:
    """After a failure the server is in ERROR, and a rebuild of such a one leaves it running."""
    if (await show(bench, given["server"]))["status"] == "ERROR":
        given.pop("ends", None)
    await _rebuild(bench, given)


CASES = {
    "rebuild": Case("rebuild_server", running, _rebuild, _is_anew, {"stop": False}, forward=True),
    "rebuild_stopped": Case("rebuild_server", _stopped, _again_and_stop, _is_anew, {"stop": True}, forward=True),
    "rebuild_volume": Case("rebuild_server", _on_a_volume, _rebuild, _is_anew, {"stop": False, "reimage": {}}, forward=True),
}


@pytest.mark.parametrize(
    ("case", "trial"), [pytest.param(case, trial, id=f"{name}-{trial}") for name, case in CASES.items() for trial in trials(case)]
)
def test_workflow(bench: Bench, case: Case, trial: Trial) -> None:
    bench.put(case, trial)
