"""What tests of agents ask for again and again: a guest's description, a command, its outcome."""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import msgspec

from monostack.agent.agent import Agent
from monostack.protocol import Command, Failure, Result
from monostack.protocol.guests import GuestSpec, ImageSource, InstanceMetadata, RootDisk

_ids = iter(range(1_000_000))


def spec(server_id: str | None = None, **changes: Any) -> GuestSpec:
    number = next(_ids)
    image = ImageSource(id=str(uuid.uuid4()), disk_format="qcow2", size=1000, sha512="0" * 128)
    values: dict[str, Any] = {
        "server_id": server_id or str(uuid.uuid4()),
        "name": f"instance-{number:08x}",
        "hostname": f"guest{number}",
        "vcpus": 1,
        "memory_mib": 64,
        "root": RootDisk(image=image, size_gib=1),
        "volumes": [],
        "nics": [],
        "config_drive": False,
        "metadata": InstanceMetadata(meta_data={}, network_data={}, ec2={}),
    }
    return GuestSpec(**(values | changes))


async def ask(agent: Agent, name: str, args: msgspec.Struct | dict[str, Any], command_id: str | None = None) -> Result:
    data = args if isinstance(args, dict) else msgspec.to_builtins(args)
    return await agent.handle(Command(id=command_id or str(uuid.uuid4()), name=name, args=data, timeout=10))


async def states(agent: Agent) -> dict[str, tuple[str, str]]:
    result = await ask(agent, "guest.list", {})
    assert result.data is not None
    return {guest["server_id"]: (guest["state"], guest["reason"]) for guest in result.data["guests"]}


def failure(result: Result) -> Failure:
    assert result.data is None
    assert result.error is not None
    return result.error


async def until(condition: Callable[[], Any], seconds: float = 10) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.005)
