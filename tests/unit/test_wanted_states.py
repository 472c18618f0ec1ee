"""Only what no command asked for is told."""

import asyncio

from agent_steps import until

from monostack.agent.hypervisor.libvirt.states import WantedStates
from monostack.protocol.guests import GuestState


class Scene:
    """Guests whose state is set by hand, and what is told of them."""

    def __init__(self) -> None:
        self.actual: dict[str, GuestState] = {}
        self.told: list[GuestState] = []
        self.states = WantedStates(self.look)
        self.states.seen = self.told.append

    async def look(self, server_id: str) -> GuestState | None:
        await asyncio.sleep(0)
        return self.actual.get(server_id)

    def becomes(self, server_id: str, state: str, reason: str = "") -> None:
        self.actual[server_id] = GuestState(server_id, state, reason)
        self.states.changed(server_id)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_what_a_command_does_is_not_told() -> None:
    async def scenario() -> None:
        scene = Scene()
        with scene.states.changing("a", "running"):
            scene.becomes("a", "running")
        await settle()
        scene.becomes("a", "running")  # libvirt's word arrives after the command's end
        with scene.states.changing("a", "stopped"):
            scene.becomes("a", "stopped", "destroyed")
        scene.becomes("a", "stopped", "destroyed")
        await settle()
        assert scene.told == []

    asyncio.run(scenario())


def test_what_a_guest_does_is_told_once() -> None:
    async def scenario() -> None:
        scene = Scene()
        scene.states.found([GuestState("a", "running")])
        scene.becomes("a", "crashed", "crashed")
        scene.becomes("a", "crashed", "crashed")
        await until(lambda: scene.told)
        await settle()
        scene.becomes("a", "running")  # started by somebody else
        await until(lambda: len(scene.told) == 2)
        assert [state.state for state in scene.told] == ["crashed", "running"]

    asyncio.run(scenario())


def test_a_crash_in_the_middle_of_a_command_is_told_after_it() -> None:
    async def scenario() -> None:
        scene = Scene()
        with scene.states.changing("a", "running"):
            scene.becomes("a", "running")
            scene.becomes("a", "crashed", "crashed")
            await settle()
            assert scene.told == []
        await until(lambda: scene.told)
        assert scene.told == [GuestState("a", "crashed", "crashed")]

    asyncio.run(scenario())


def test_guests_that_are_not_ours_or_gone_are_nothing_to_tell() -> None:
    async def scenario() -> None:
        scene = Scene()
        scene.becomes("stranger", "stopped")
        scene.states.found([GuestState("a", "running")])
        scene.states.forget("a")
        scene.becomes("a", "stopped")
        await settle()
        assert scene.told == []
        await scene.states.close()

    asyncio.run(scenario())
