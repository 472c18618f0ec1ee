"""Resizes on the server's host and cold migrations to another one, and both ways to end them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from harness import COMPUTE, Bench, Case, Trial, trials
from servers import action, guest_of, running, show

GIB = 1 << 30


async def _with_one_host(bench: Bench) -> dict[str, Any]:
    """A running server, and no other host that takes servers; a flavor that is larger."""
    given = await running(bench)
    given["host"] = (await show(bench, given["server"]))["OS-EXT-SRV-ATTR:host"]
    other = next(name for name in bench.agents if name != given["host"])
    await bench.ask("PUT", f"{COMPUTE}/os-services/disable", {"host": other, "binary": "nova-compute"}, 200)
    await bench.ask("POST", f"{COMPUTE}/flavors", {"flavor": {"name": "g", "id": "g", "ram": 128, "vcpus": 2, "disk": 2}}, 200)
    return given


async def _with_two_hosts(bench: Bench) -> dict[str, Any]:
    given = await running(bench)
    given["host"] = (await show(bench, given["server"]))["OS-EXT-SRV-ATTR:host"]
    return given


async def _with_tpms_to_have(bench: Bench) -> dict[str, Any]:
    """The same, and the larger flavor has a TPM."""
    given = await _with_one_host(bench)
    await bench.ask("POST", f"{COMPUTE}/flavors/g/os-extra_specs", {"extra_specs": {"hw:tpm_version": "2.0"}}, 200)
    return given


async def _resize(bench: Bench, given: dict[str, Any]) -> None:
    await bench.ask("POST", f"{COMPUTE}/servers/{given['server']}/action", {"resize": {"flavorRef": "g"}}, 202)


async def _confirm(bench: Bench, given: dict[str, Any]) -> None:
    await bench.ask("POST", f"{COMPUTE}/servers/{given['server']}/action", {"confirmResize": None}, 204)


_revert = action({"revertResize": None})
_migrate = action({"migrate": None})


def _after(prepare: Callable[[Bench], Awaitable[Any]], act: Callable[[Bench, Any], Awaitable[None]]) -> Any:
    async def both(bench: Bench) -> Any:
        given = await prepare(bench)
        await act(bench, given)
        await bench.rest()
        return given

    return both


def _is(status: str, *, moved: bool, grown: bool, kept: bool) -> Any:
    async def ended(bench: Bench, given: dict[str, Any]) -> None:
        server = await show(bench, given["server"])
        guest = guest_of(bench, server)
        assert (server["status"], server["flavor"]["id"], guest.state) == (status, "g" if grown else "f", "running")
        assert (server["OS-EXT-SRV-ATTR:host"] != given["host"]) == moved
        assert guest.root_size == (2 if grown else 1) * GIB
        held = await bench.taken()
        assert len(held["allocations"]) == (6 if kept else 3)  # VCPU, MEMORY_MB, DISK_GB
        assert len(held["guests"]) == (2 if moved and kept else 1)
        assert bool(bench.storage.kept) == kept
        assert {port[1] for port in held["ports"]} == {given["server"]}

    return ended


_resized, _migrated = _is("VERIFY_RESIZE", moved=False, grown=True, kept=True), _is("VERIFY_RESIZE", moved=True, grown=False, kept=True)
_input = {"shrinks": False}


def _with_tpm(ended: Any, versions: list[str]) -> Any:
    async def both(bench: Bench, given: dict[str, Any]) -> None:
        await ended(bench, given)
        guest = guest_of(bench, await show(bench, given["server"]))
        assert list(guest.tpms) == versions
        assert [row[0] for row in (await bench.taken())["TPMs"]] == [given["server"]] * len(versions)

    return both


CASES = {
    "resize_to_tpm": Case("resize_server", _with_tpms_to_have, _resize, _with_tpm(_resized, ["2.0"]), _input),
    "revert_resize_to_tpm": Case(
        "revert_resize", _after(_with_tpms_to_have, _resize), _revert,
        _with_tpm(_is("ACTIVE", moved=False, grown=False, kept=False), []), {}, forward=True,
    ),
    "resize": Case("resize_server", _with_one_host, _resize, _resized, _input),
    "migrate": Case("resize_server", _with_two_hosts, _migrate, _migrated, _input),
    "confirm_resize": Case(
        "confirm_resize", _after(_with_one_host, _resize), _confirm, _is("ACTIVE", moved=False, grown=True, kept=False), {}, forward=True
    ),
    "confirm_migration": Case(
        "confirm_resize", _after(_with_two_hosts, _migrate), _confirm, _is("ACTIVE", moved=True, grown=False, kept=False), {}, forward=True
    ),
    "revert_resize": Case(
        "revert_resize", _after(_with_one_host, _resize), _revert, _is("ACTIVE", moved=False, grown=False, kept=False), {}, forward=True
    ),
    "revert_migration": Case(
        "revert_resize", _after(_with_two_hosts, _migrate), _revert, _is("ACTIVE", moved=False, grown=False, kept=False), {}, forward=True
    ),
}


def _some(name: str, case: Case) -> list[Trial]:
    """All of them where two hosts take part; on one host the steps are the same, so that the first and the last will do."""
    found = trials(case)
    return found if "migrat" in name else [found[0], Trial("fails", len(case.steps()) - 1)]


@pytest.mark.parametrize(
    ("case", "trial"), [pytest.param(case, trial, id=f"{name}-{trial}") for name, case in CASES.items() for trial in _some(name, case)]
)
def test_workflow(bench: Bench, case: Case, trial: Trial) -> None:
    bench.put(case, trial)
