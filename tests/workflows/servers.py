"""Servers as the cases of workflows need them: booted, stopped, looked at, acted on."""

from typing import Any

from harness import COMPUTE, VOLUME, Bench


async def boot(bench: Bench, **fields: Any) -> str:
    body = {"name": "s", "flavorRef": "f", "imageRef": bench.image, "networks": [{"uuid": bench.network}], **fields}
    body = {key: value for key, value in body.items() if value is not None}
    answer = await bench.ask("POST", f"{COMPUTE}/servers", {"server": body}, 202, openstack_api_version="compute 2.60")
    return answer.json()["server"]["id"]


async def show(bench: Bench, server_id: str) -> dict[str, Any]:
    return (await bench.ask("GET", f"{COMPUTE}/servers/{server_id}", expect=200)).json()["server"]


async def make_volume(bench: Bench) -> str:
    volume_id = (await bench.ask("POST", f"{VOLUME}/volumes", {"volume": {"size": 1}}, 202)).json()["volume"]["id"]
    await bench.rest()
    return volume_id


def guest_of(bench: Bench, server: dict[str, Any]) -> Any:
    return bench.agents[server["OS-EXT-SRV-ATTR:host"]].drivers.hypervisor.known[server["id"]]


async def running(bench: Bench) -> dict[str, Any]:
    server_id = await boot(bench)
    await bench.rest()
    return {"server": server_id}


def action(body: dict[str, Any]) -> Any:
    async def act(bench: Bench, given: dict[str, Any]) -> None:
        await bench.ask("POST", f"{COMPUTE}/servers/{given['server']}/action", body, 202)

    return act


def again(body: dict[str, Any]) -> Any:
    """The request made again after a failure: of a server in ERROR an administrator says it is well first."""

    async def act(bench: Bench, given: dict[str, Any]) -> None:
        if (await show(bench, given["server"]))["status"] == "ERROR":
            path = f"{COMPUTE}/servers/{given['server']}/action"
            await bench.ask("POST", path, {"os-resetState": {"state": "active"}}, 202)
            await bench.app.cloud.reconcilers.run_once("compute_guests")
            if next(iter(body)) == "os-start":
                await bench.ask("POST", path, {"os-stop": None}, 202)
                await bench.rest()
        await action(body)(bench, given)

    return act


def has(status: str, guest: str) -> Any:
    async def ended(bench: Bench, given: dict[str, Any]) -> None:
        server = await show(bench, given["server"])
        assert (server["status"], guest_of(bench, server).state) == (status, guest)

    return ended


async def stopped(bench: Bench) -> dict[str, Any]:
    given = await running(bench)
    await action({"os-stop": None})(bench, given)
    await bench.rest()
    return given
