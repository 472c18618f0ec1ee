"""Servers whose ports hold a guarantee of their host: wherever a move or an attachment ends, the guarantee and its notes are there too."""

from typing import Any

import pytest
from harness import COMPUTE, NETWORK, Bench, Case, Trial, trials
from servers import action, running, show

BANDWIDTH = "NET_BW_EGR_KILOBIT_PER_SEC"
NEW = {"openstack_api_version": "compute 2.90"}


async def _port(bench: Bench) -> str:
    """A port that asks for 600 of the 1000 kbit/s that each host has."""
    policy = (await bench.ask("POST", f"{NETWORK}/qos/policies", {"policy": {"name": "q"}}, 201)).json()["policy"]["id"]
    rule = {"minimum_bandwidth_rule": {"min_kbps": 600}}
    await bench.ask("POST", f"{NETWORK}/qos/policies/{policy}/minimum_bandwidth_rules", rule, 201)
    port = {"port": {"network_id": bench.network, "qos_policy_id": policy}}
    return (await bench.ask("POST", f"{NETWORK}/ports", port, 201)).json()["port"]["id"]


async def _with_port(bench: Bench) -> dict[str, Any]:
    port = await _port(bench)
    body = {"name": "s", "flavorRef": "f", "imageRef": bench.image, "networks": [{"port": port}]}
    server = (await bench.ask("POST", f"{COMPUTE}/servers", {"server": body}, 202, **NEW)).json()["server"]["id"]
    await bench.rest()
    return {"server": server, "port": port, "host": (await show(bench, server))["OS-EXT-SRV-ATTR:host"]}


async def _with_port_apart(bench: Bench) -> dict[str, Any]:
    return {**await running(bench), "port": await _port(bench)}


async def _attach(bench: Bench, given: dict[str, Any]) -> None:
    body = {"interfaceAttachment": {"port_id": given["port"]}}
    await bench.ask("POST", f"{COMPUTE}/servers/{given['server']}/os-interface", body, 200)


def _holds(*, moved: bool) -> Any:
    async def ended(bench: Bench, given: dict[str, Any]) -> None:
        host = (await show(bench, given["server"]))["OS-EXT-SRV-ATTR:host"]
        assert not moved or host != given["host"]
        held = [row for row in (await bench.taken())["allocations"] if BANDWIDTH in row]
        port = (await bench.ask("GET", f"{NETWORK}/ports/{given['port']}", expect=200)).json()["port"]
        (provider,) = port["binding:profile"]["allocation"].values()
        shown = await bench.ask("GET", f"/placement/resource_providers/{provider}", expect=200)
        assert shown.json()["name"] == f"{host}:Linux bridge agent:rp_tunnelled"
        assert [provider in row for row in held] == [True]

    return ended


_live = action({"os-migrateLive": {"host": None, "block_migration": False, "disk_over_commit": False}})
CASES = {
    "live_migration": Case("live_migrate", _with_port, _live, _holds(moved=True), {}),
    "attachment": Case("attach_interface", _with_port_apart, _attach, _holds(moved=False), {}),
}


def _some(case: Case) -> list[Trial]:
    """What all workflows do is tried with plain servers."""
    return [Trial("twice"), *(trial for trial in trials(case) if trial.how == "fails")]


@pytest.mark.parametrize(
    ("case", "trial"), [pytest.param(case, trial, id=f"{name}-{trial}") for name, case in CASES.items() for trial in _some(case)]
)
def test_workflow(bench: Bench, case: Case, trial: Trial) -> None:
    bench.put(case, trial)
