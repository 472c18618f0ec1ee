"""Simulated hosts keep the rules of real ones."""

import asyncio
import time
import uuid
from typing import Any

import msgspec
from agent_steps import ask, failure, spec, states, until

from monostack.agent.agent import Agent
from monostack.agent.block.simulated import SimulatedStorage
from monostack.protocol import Report
from monostack.protocol.guests import AttachVolume, GuestNic, GuestVolume, RebootGuest, VolumeConnection
from monostack.protocol.network import tap_name
from monostack.testing.hosts import simulated_host


def disk(volume_id: str, device: str = "vdb") -> GuestVolume:
    return GuestVolume(volume_id, "attachment", device, VolumeConnection("simulated", f"simulated/{volume_id}"))


def network_items(network_id: str, port_id: str) -> dict[str, Any]:
    network = {"id": network_id, "name": "n", "mtu": 1450, "kind": "tenant", "subnets": []}
    port = {
        "id": port_id, "network_id": network_id, "mac": "fa:16:3e:00:00:01", "fixed_ips": [], "tap": tap_name(port_id), "admin_up": True,
        "port_security": True, "groups": [], "allowed_pairs": [], "server_id": None, "project_id": "p",
    }  # fmt: skip
    return {f"network/{network_id}": network, f"port/{port_id}": port}


async def done(agent: Agent, name: str, args: Any) -> dict[str, Any]:
    result = await ask(agent, name, args)
    assert result.error is None, result.error
    assert result.data is not None
    return result.data


def test_the_life_of_a_guest() -> None:
    async def scenario() -> None:
        agent = simulated_host("h1")
        guest = spec()
        reference = {"server_id": guest.server_id}
        assert failure(await ask(agent, "guest.start", guest)).code == "guest.not_found"
        await done(agent, "guest.create", guest)
        assert await states(agent) == {guest.server_id: ("running", "")}
        await done(agent, "guest.stop", reference)
        await done(agent, "guest.stop", reference)
        assert await states(agent) == {guest.server_id: ("stopped", "destroyed")}
        await done(agent, "guest.reboot", RebootGuest(spec=guest, hard=False))
        await done(agent, "guest.reboot", RebootGuest(spec=guest, hard=True))
        output = (await done(agent, "guest.console_log", reference))["output"]
        assert output.count(f"{guest.hostname} login:") == 3
        assert (await done(agent, "guest.console_log", reference | {"lines": 1}))["output"] == f"{guest.hostname} login: \n"
        assert (await done(agent, "guest.console_log", reference | {"lines": 0}))["output"] == ""
        await done(agent, "guest.destroy", reference)
        await done(agent, "guest.destroy", reference)
        assert await states(agent) == {}

    asyncio.run(scenario())


def test_a_guest_needs_its_taps() -> None:
    async def scenario() -> None:
        agent = simulated_host("h1")
        network_id, port_id = str(uuid.uuid4()), str(uuid.uuid4())
        guest = spec(nics=[GuestNic(port_id, "fa:16:3e:00:00:01", tap_name(port_id), 1450)])
        error = failure(await ask(agent, "guest.create", guest))
        assert (error.code, error.retry) == ("guest.tap_missing", True)
        items = network_items(network_id, port_id)
        alone = {f"port/{port_id}": items[f"port/{port_id}"]}
        errors = (await done(agent, "network.apply", {"items": alone}))["errors"]
        assert errors == {f"port/{port_id}": f"network {network_id} is not on this host"}
        broken = {"network/x": {"id": 7}, "planet/x": {}}
        assert set((await done(agent, "network.apply", {"items": broken}))["errors"]) == {"network/x", "planet/x"}
        assert (await done(agent, "network.apply", {"items": items, "full": True})) == {"errors": {}}
        await done(agent, "guest.create", guest)

    asyncio.run(scenario())


def test_an_open_volume_is_protected() -> None:
    async def scenario() -> None:
        storage = SimulatedStorage(capacity_gib=10)
        here, there = simulated_host("h1", storage=storage), simulated_host("h2", storage=storage)
        volume_id, guest = str(uuid.uuid4()), spec()
        attach = AttachVolume(guest.server_id, disk(volume_id))
        await done(here, "guest.create", guest)
        assert failure(await ask(here, "guest.attach_volume", attach)).code == "volume.not_found"
        await done(here, "volume.create", {"volume_id": volume_id, "size_gib": 2})
        await done(here, "volume.create", {"volume_id": volume_id, "size_gib": 2})
        await done(here, "guest.attach_volume", attach)
        await done(here, "guest.attach_volume", attach)
        other = spec(volumes=[disk(volume_id)])
        assert failure(await ask(there, "guest.create", other)).code == "volume.in_use"
        assert failure(await ask(there, "volume.delete", {"volume_id": volume_id})).code == "volume.in_use"
        assert failure(await ask(there, "volume.extend", {"volume_id": volume_id, "size_gib": 3})).code == "volume.in_use"
        await done(here, "volume.extend", {"volume_id": volume_id, "size_gib": 3, "server_ids": [guest.server_id]})
        snapshot = {"volume_id": volume_id, "snapshot_id": "s1", "server_id": guest.server_id}
        await done(here, "volume.snapshot", snapshot)
        kept = {"volumes": [volume_id], "snapshots": ["s1"], "backups": [], "pools": {"file": {"capacity_gib": 10, "free_gib": 4}}}
        assert await done(there, "volume.list", {}) == kept
        copied = {"volume_id": "v2", "size_gib": 2, "snapshot_id": "s1"}
        assert failure(await ask(here, "volume.create", copied)).code == "volume.too_small"
        assert failure(await ask(here, "volume.create", copied | {"size_gib": 9})).code == "volume.no_space"
        await done(here, "guest.detach_volume", {"server_id": guest.server_id, "volume_id": volume_id})
        await done(there, "volume.delete", {"volume_id": volume_id})
        await done(there, "volume.delete_snapshot", {"snapshot_id": "s1"})
        assert (await done(there, "volume.list", {}))["volumes"] == []

    asyncio.run(scenario())


def test_faults_asked_for_by_the_server() -> None:
    async def scenario() -> None:
        agent = simulated_host("h1")
        heard: list[Report] = []
        agent.subscribe(heard.append)
        failing = spec(faults={"fail": "create", "message": "no luck"})
        error = failure(await ask(agent, "guest.create", failing))
        assert (error.code, error.message) == ("guest.create_failed", "create failed: no luck")
        assert await states(agent) == {failing.server_id: ("stopped", "")}
        assert failure(await ask(agent, "guest.create", spec(faults={"boot_delay": "soon"}))).code == "command.invalid"
        once = spec(faults={"fail": "stop, start", "times": "1"})
        await done(agent, "guest.create", once)
        assert failure(await ask(agent, "guest.stop", {"server_id": once.server_id})).code == "guest.stop_failed"
        await done(agent, "guest.stop", {"server_id": once.server_id})
        crashing = spec(faults={"crash_after": "0.01"})
        started = time.monotonic()
        await done(agent, "guest.create", spec(faults={"boot_delay": "0.05"}))
        assert time.monotonic() - started >= 0.05
        await done(agent, "guest.create", crashing)
        await until(lambda: heard)
        assert heard[0].data == {"server_id": crashing.server_id, "state": "crashed", "reason": "crashed"}
        assert (await states(agent))[crashing.server_id] == ("crashed", "crashed")

    asyncio.run(scenario())


def test_a_host_that_lost_power_has_neither_running_guests_nor_taps() -> None:
    async def scenario() -> None:
        agent = simulated_host("h1")
        network_id, port_id = str(uuid.uuid4()), str(uuid.uuid4())
        guest = spec(nics=[GuestNic(port_id, "fa:16:3e:00:00:01", tap_name(port_id), 1450)])
        await done(agent, "network.apply", {"items": network_items(network_id, port_id)})
        await done(agent, "guest.create", guest)
        agent.drivers.hypervisor.lose_power()
        assert await states(agent) == {guest.server_id: ("stopped", "host_restart")}
        assert failure(await ask(agent, "guest.start", guest)).code == "guest.tap_missing"
        await done(agent, "network.apply", {"items": network_items(network_id, port_id), "full": True})
        await done(agent, "guest.start", guest)

    asyncio.run(scenario())


def test_a_thousand_guests_on_a_hundred_hosts() -> None:
    async def scenario() -> None:
        storage = SimulatedStorage()
        agents = [simulated_host(f"h{number}", storage=storage) for number in range(100)]
        guests = [spec() for _ in range(1000)]
        results = await asyncio.gather(*(ask(agents[index % 100], "guest.create", guest) for index, guest in enumerate(guests)))
        assert [result.error for result in results] == [None] * 1000
        assert {len(await states(agent)) for agent in agents} == {10}

    asyncio.run(scenario())


def test_an_inventory_says_it_is_simulated() -> None:
    hello = asyncio.run(simulated_host("h1").hello())
    assert hello.inventory.accelerator == "simulated"
    assert msgspec.json.decode(msgspec.json.encode(hello))["host"] == "h1"
