"""An agent on simulated drivers: how commands are taken in, joined, kept apart and refused."""

import asyncio
from typing import Any

import pytest
from agent_steps import ask, failure, spec, states

from monostack.agent.locks import NamedLocks
from monostack.agent.simulation import FaultPlan, FaultRule
from monostack.protocol import Failure, Report, Result
from monostack.protocol.guests import GuestVolume, RebootGuest, VolumeConnection
from monostack.testing.hosts import simulated_host


def test_a_repeated_command_joins_the_one_under_way() -> None:
    async def scenario() -> None:
        agent = simulated_host("h1")
        guest = spec(faults={"boot_delay": 0.05})
        first, second = await asyncio.gather(ask(agent, "guest.create", guest, "op1"), ask(agent, "guest.create", guest, "op1"))
        assert first is second
        assert first.error is None
        assert agent.drivers.hypervisor.known[guest.server_id].boots == 1
        # Asked for again after it is done, it does nothing more.
        assert (await ask(agent, "guest.create", guest, "op1")).error is None
        assert agent.drivers.hypervisor.known[guest.server_id].boots == 1

    asyncio.run(scenario())


def test_an_id_under_way_is_not_taken_for_another_command() -> None:
    async def scenario() -> None:
        agent = simulated_host("h1")
        guest = spec(faults={"boot_delay": 0.05})
        created, other = await asyncio.gather(ask(agent, "guest.create", guest, "op1"), ask(agent, "guest.list", {}, "op1"))
        assert created.error is None
        assert failure(other).code == "command.id_reused"

    asyncio.run(scenario())


def test_the_work_goes_on_when_its_caller_is_gone() -> None:
    async def scenario() -> None:
        agent = simulated_host("h1")
        guest = spec(faults={"boot_delay": 0.05})
        caller = asyncio.create_task(ask(agent, "guest.create", guest, "op1"))
        await asyncio.sleep(0.01)
        caller.cancel()
        assert (await ask(agent, "guest.create", guest, "op1")).error is None
        assert agent.drivers.hypervisor.known[guest.server_id].boots == 1

    asyncio.run(scenario())


def test_commands_on_one_server_follow_each_other_and_others_run_beside() -> None:
    async def scenario() -> None:
        agent = simulated_host("h1")
        slow, quick = spec(faults={"boot_delay": 0.2}), spec()
        done: list[str] = []

        async def run(label: str, name: str, args: Any) -> None:
            assert (await ask(agent, name, args)).error is None
            done.append(label)

        await asyncio.gather(
            run("create slow", "guest.create", slow),
            run("stop slow", "guest.stop", {"server_id": slow.server_id, "timeout": 0}),
            run("quick", "guest.create", quick),
        )
        assert done == ["quick", "create slow", "stop slow"]
        assert await states(agent) == {slow.server_id: ("stopped", "destroyed"), quick.server_id: ("running", "")}

    asyncio.run(scenario())


@pytest.mark.parametrize("waiting", [False, True], ids=["at work", "waiting"])
def test_what_is_done_to_a_guest_gives_way_to_its_destruction(waiting: bool) -> None:
    async def scenario() -> None:
        agent = simulated_host("h1")
        guest, other = spec(faults={"boot_delay": 60}), spec(faults={"boot_delay": 0.2})
        given = {"server_id": guest.server_id}
        begun = [asyncio.create_task(ask(agent, "guest.create", guest)), asyncio.create_task(ask(agent, "guest.create", other))]
        if waiting:
            begun.append(asyncio.create_task(ask(agent, "guest.stop", {**given, "timeout": 60})))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            assert (await ask(agent, "guest.destroy", given)).error is None
        created, others, *stopped = await asyncio.gather(*begun)
        for result in (created, *stopped):
            assert (failure(result).code, failure(result).retry) == ("command.overtaken", True)
        assert others.error is None
        assert set(await states(agent)) == {other.server_id}
        # And what comes afterwards finds nothing in its way.
        assert (await ask(agent, "guest.create", spec(guest.server_id))).error is None

    asyncio.run(scenario())


def test_a_volume_that_is_still_being_made_can_be_deleted() -> None:
    async def scenario() -> None:
        plan = FaultPlan()
        plan.add(FaultRule(command="volume.create", delay=60, times=1))
        agent = simulated_host("h1", faults=plan)
        creating = asyncio.create_task(ask(agent, "volume.create", {"volume_id": "v", "size_gib": 1, "source_volume_id": "w"}))
        other = asyncio.create_task(ask(agent, "volume.create", {"volume_id": "w", "size_gib": 1}))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            assert (await ask(agent, "volume.delete", {"volume_id": "v"})).error is None
            assert failure(await creating).code == "command.overtaken"
            assert (await other).error is None  # it waited for the copy, and was not meant
        assert list(agent.drivers.block.storage.volumes) == ["w"]

    asyncio.run(scenario())


def test_a_reboot_does_not_wait_for_one_that_hangs() -> None:
    async def scenario() -> None:
        agent = simulated_host("h1")
        guest = spec(faults={"stop_delay": 60})
        assert (await ask(agent, "guest.create", guest)).error is None
        soft = asyncio.create_task(ask(agent, "guest.reboot", RebootGuest(guest, hard=False, timeout=60)))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            assert (await ask(agent, "guest.reboot", RebootGuest(guest, hard=True, timeout=60))).error is None
        assert failure(await soft).code == "command.overtaken"
        assert await states(agent) == {guest.server_id: ("running", "")}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("name", "args", "code", "words"),
    [
        ("guest.dance", {}, "command.unknown", "guest.dance"),
        ("guest.destroy", {}, "command.invalid", "server_id"),
        ("guest.destroy", {"server_id": 7}, "command.invalid", "Expected `str`"),
        ("guest.list", {"unknown": 1}, "command.invalid", "unknown"),
        ("guest.stop", {"server_id": "nobody"}, "guest.not_found", "nobody"),
        ("volume.extend", {"volume_id": "v", "size_gib": 2}, "volume.not_found", "v"),
    ],
)
def test_a_bad_command_is_refused_with_its_cause(name: str, args: dict[str, Any], code: str, words: str) -> None:
    error = failure(asyncio.run(_ask_once(name, args)))
    assert error.code == code
    assert words in error.message
    assert not error.retry


async def _ask_once(name: str, args: dict[str, Any]) -> Result:
    return await ask(simulated_host("h1"), name, args)


def test_an_unexpected_exception_is_a_failure_and_ends_nothing() -> None:
    async def scenario() -> None:
        agent = simulated_host("h1")
        agent.drivers.hypervisor._storage = None  # broken on purpose: opening a volume raises AttributeError
        volume = GuestVolume("v", "a", "vdb", VolumeConnection("simulated", "x"))
        error = failure(await ask(agent, "guest.create", spec(volumes=[volume])))
        assert error.code == "agent.internal"
        assert "AttributeError" in error.message
        assert (await ask(agent, "guest.create", spec())).error is None

    asyncio.run(scenario())


def test_reports_wait_for_a_listener() -> None:
    async def scenario() -> None:
        agent = simulated_host("h1")
        guest = spec()
        await ask(agent, "guest.create", guest)
        agent.drivers.hypervisor.fall(guest.server_id, "crashed", "crashed")
        heard: list[Report] = []
        agent.subscribe(heard.append)
        assert [(report.kind, report.data["state"]) for report in heard] == [("guest.lifecycle", "crashed")]

    asyncio.run(scenario())


def test_a_fault_after_the_work_leaves_it_done() -> None:
    async def scenario() -> None:
        plan = FaultPlan()
        agent = simulated_host("h1", faults=plan)
        guest = spec()
        boom = Failure("boom", "asked for", retry=True)
        plan.add(FaultRule(command="guest.create", target=guest.server_id, when="after", error=boom, times=1))
        error = failure(await ask(agent, "guest.create", guest))
        assert (error.code, error.retry) == ("boom", True)
        assert await states(agent) == {guest.server_id: ("running", "")}
        assert plan.rules() == []
        assert (await ask(agent, "guest.create", guest)).error is None

    asyncio.run(scenario())


def test_named_locks_are_forgotten_when_nobody_holds_them() -> None:
    async def scenario() -> None:
        locks = NamedLocks()
        order: list[str] = []

        async def work(label: str, *names: str) -> None:
            async with locks.hold(names):
                order.append(label)
                await asyncio.sleep(0.01)

        # Opposite orders: taken as given, these two would wait for each other for ever.
        await asyncio.wait_for(asyncio.gather(work("a", "x", "y"), work("b", "y", "x"), work("c", "z", "z")), 5)
        assert sorted(order) == ["a", "b", "c"]
        assert locks._locks == {}

    asyncio.run(scenario())
