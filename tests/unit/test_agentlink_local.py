"""The controller's side of the channel, with agents in this process and a bad network between."""

import asyncio
import uuid

import pytest
from agent_steps import spec, until

from monostack.agent.simulation import FaultPlan, FaultRule
from monostack.agentlink import CommandFailed, CommandTimeout, Hosts, HostUnreachable
from monostack.agentlink.session import MAX_PENDING
from monostack.protocol import Failure, Report
from monostack.protocol.guests import GuestRef
from monostack.testing.hosts import simulated_host


def new_id() -> str:
    return str(uuid.uuid4())


def test_calls_reach_the_host_they_are_for() -> None:
    async def scenario() -> None:
        hosts, seen = Hosts(), []
        hosts.on_connect.append(lambda host, hello: seen.append((host, hello.inventory.vcpus)))
        hosts.on_disconnect.append(lambda host: seen.append((host, "gone")))
        for name in ("h1", "h2"):
            await hosts.attach_local(simulated_host(name))
        assert hosts.connected() == {"h1", "h2"}
        guest = spec()
        assert await hosts.call("h1", "guest.create", guest, id=new_id(), timeout=5) == {}
        assert len((await hosts.call("h1", "guest.list", None, id=new_id(), timeout=5))["guests"]) == 1
        assert (await hosts.call("h2", "guest.list", None, id=new_id(), timeout=5))["guests"] == []
        with pytest.raises(CommandFailed) as failed:
            await hosts.call("h2", "guest.start", guest, id=new_id(), timeout=5)
        assert (failed.value.code, failed.value.retry) == ("guest.not_found", False)
        with pytest.raises(HostUnreachable) as unreachable:
            await hosts.call("h3", "guest.list", None, id=new_id(), timeout=5)
        assert not unreachable.value.sent
        await hosts.close()
        assert seen == [("h1", 64), ("h2", 64), ("h1", "gone"), ("h2", "gone")]

    asyncio.run(scenario())


def test_a_lost_answer_is_a_timeout_and_the_work_is_done() -> None:
    async def scenario() -> None:
        hosts, plan = Hosts(), FaultPlan()
        await hosts.attach_local(simulated_host("h1", faults=plan), plan)
        guest, operation = spec(), new_id()
        plan.add(FaultRule(command="guest.create", drop="answer", times=1))
        with pytest.raises(CommandTimeout):
            await hosts.call("h1", "guest.create", guest, id=operation, timeout=0.2)
        assert await hosts.call("h1", "guest.create", guest, id=operation, timeout=5) == {}
        plan.add(FaultRule(command="guest.destroy", drop="request", times=1))
        with pytest.raises(CommandTimeout):
            await hosts.call("h1", "guest.destroy", GuestRef(guest.server_id), id=new_id(), timeout=0.2)
        assert len((await hosts.call("h1", "guest.list", None, id=new_id(), timeout=5))["guests"]) == 1

    asyncio.run(scenario())


def test_a_broken_connection_fails_what_waits_and_comes_back() -> None:
    async def scenario() -> None:
        hosts, plan, seen = Hosts(), FaultPlan(), []
        hosts.on_connect.append(lambda host, hello: seen.append("connect"))
        hosts.on_disconnect.append(lambda host: seen.append("disconnect"))
        await hosts.attach_local(simulated_host("h1", faults=plan), plan)
        slow = spec(faults={"boot_delay": 0.3})
        waiting = asyncio.create_task(hosts.call("h1", "guest.create", slow, id="op", timeout=5))
        await asyncio.sleep(0.05)
        plan.add(FaultRule(command="guest.list", disconnect=True, times=1))
        with pytest.raises(HostUnreachable) as broken:
            await hosts.call("h1", "guest.list", None, id=new_id(), timeout=5)
        assert broken.value.sent
        with pytest.raises(HostUnreachable):
            await waiting
        assert hosts.connected() == set()
        await until(hosts.connected)
        # The command is still under way at the agent: asking again joins it.
        assert await hosts.call("h1", "guest.create", slow, id="op", timeout=5) == {}
        assert seen == ["connect", "disconnect", "connect"]

    asyncio.run(scenario())


def test_two_callers_of_one_command_share_its_answer() -> None:
    async def scenario() -> None:
        hosts = Hosts()
        agent = simulated_host("h1")
        await hosts.attach_local(agent)
        slow = spec(faults={"boot_delay": 0.2})
        impatient = asyncio.create_task(hosts.call("h1", "guest.create", slow, id="op", timeout=0.05))
        patient = asyncio.create_task(hosts.call("h1", "guest.create", slow, id="op", timeout=5))
        with pytest.raises(CommandTimeout):
            await impatient
        assert await patient == {}
        assert agent.drivers.hypervisor.known[slow.server_id].boots == 1

    asyncio.run(scenario())


def test_pending_commands_of_a_host_are_bounded() -> None:
    async def scenario() -> None:
        hosts, plan = Hosts(), FaultPlan()
        await hosts.attach_local(simulated_host("h1", faults=plan), plan)
        plan.add(FaultRule(drop="request"))
        calls = [asyncio.create_task(hosts.call("h1", "guest.list", None, id=new_id(), timeout=30)) for _ in range(MAX_PENDING)]
        await asyncio.sleep(0.05)
        with pytest.raises(CommandFailed) as busy:
            await hosts.call("h1", "guest.list", None, id=new_id(), timeout=5)
        assert (busy.value.code, busy.value.retry) == ("host.busy", True)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        plan.clear()
        assert (await hosts.call("h1", "guest.list", None, id=new_id(), timeout=5)) == {"guests": []}

    asyncio.run(scenario())


def test_reports_reach_the_controller_also_those_made_while_it_was_away() -> None:
    async def scenario() -> None:
        hosts, heard = Hosts(), []
        hosts.on_report.append(lambda host, report: heard.append((host, report)))
        agent = simulated_host("h1")
        link = await hosts.attach_local(agent)
        guest = spec()
        await hosts.call("h1", "guest.create", guest, id=new_id(), timeout=5)
        link.disconnect()
        agent.drivers.hypervisor.fall(guest.server_id, "stopped", "shutdown")
        assert heard == []
        await until(lambda: heard)
        expected = Report(kind="guest.lifecycle", data={"server_id": guest.server_id, "state": "stopped", "reason": "shutdown"})
        assert heard == [("h1", expected)]

    asyncio.run(scenario())


def test_a_fault_rule_outside_its_bounds_is_refused() -> None:
    for wrong in ({"delay": -1}, {"delay": 1e9}, {"times": 0}):
        with pytest.raises(ValueError, match="not"):
            FaultRule(**wrong)
    plan = FaultPlan()
    rule_id = plan.add(FaultRule(command="guest.*", error=Failure("x", "y")))
    assert plan.remove(rule_id)
    assert not plan.remove(rule_id)
