"""What users do, at random: servers and volumes made, used and deleted, also while something else happens to them."""

from typing import Any

from asgi import call
from world import World

COMPUTE, VOLUME, NETWORK, IMAGE = "/compute/v2.1", "/volume/v3", "/network/v2.0", "/image/v2"


class User:
    def __init__(self, world: World, image: str = "", network: str = "") -> None:
        self.world = world
        self.servers: list[str] = []
        self.volumes: list[str] = []
        self.image, self.network = image, network

    async def prepare(self) -> None:
        """An image, a network with a subnet, and a flavor."""
        ask = self.world.ask
        made = await ask("POST", f"{IMAGE}/images", {"name": "i", "disk_format": "raw", "container_format": "bare"})
        self.image = made.json()["id"]
        bits = await call(self.world.app.http, "PUT", f"{IMAGE}/images/{self.image}/file", self.world.token, content=b"\0" * 4096)
        assert bits.status == 204, bits.content
        self.network = (await ask("POST", f"{NETWORK}/networks", {"network": {"name": "n"}})).json()["network"]["id"]
        subnet = {"network_id": self.network, "ip_version": 4, "cidr": "10.0.0.0/24"}
        assert (await ask("POST", f"{NETWORK}/subnets", {"subnet": subnet})).status == 201
        flavor = {"name": "f", "id": "1", "ram": 128, "vcpus": 1, "disk": 1}
        assert (await ask("POST", f"{COMPUTE}/flavors", {"flavor": flavor})).status == 200

    async def act(self) -> None:
        choose = self.world.random.choice
        verb = choose(
            (
                self.boot,
                self.boot,
                self.boot,
                self.delete,
                self.delete,
                self.power,
                self.make_volume,
                self.attach,
                self.detach,
                self.drop_volume,
            )
        )
        await verb()

    def _note(self, what: str, status: int) -> None:
        self.world.log.append(f"{what} {status}")

    async def boot(self) -> None:
        body: dict[str, Any] = {"server": {"name": "s", "flavorRef": "1", "imageRef": self.image, "networks": [{"uuid": self.network}]}}
        answer = await self.world.ask("POST", f"{COMPUTE}/servers", body)
        self._note("boot", answer.status)
        if answer.status == 202:
            self.servers.append(answer.json()["server"]["id"])

    def _any(self, ids: list[str]) -> str:
        return self.world.random.choice(ids) if ids else "00000000-0000-0000-0000-000000000000"

    async def delete(self) -> None:
        self._note("delete", (await self.world.ask("DELETE", f"{COMPUTE}/servers/{self._any(self.servers)}")).status)

    async def power(self) -> None:
        body: Any = self.world.random.choice(
            ({"os-stop": None}, {"os-start": None}, {"reboot": {"type": "HARD"}}, {"reboot": {"type": "SOFT"}})
        )
        answer = await self.world.ask("POST", f"{COMPUTE}/servers/{self._any(self.servers)}/action", body)
        self._note(f"action {body}", answer.status)

    async def make_volume(self) -> None:
        answer = await self.world.ask("POST", f"{VOLUME}/volumes", {"volume": {"size": 1}})
        self._note("volume", answer.status)
        if answer.status == 202:
            self.volumes.append(answer.json()["volume"]["id"])

    async def attach(self) -> None:
        body = {"volumeAttachment": {"volumeId": self._any(self.volumes)}}
        answer = await self.world.ask("POST", f"{COMPUTE}/servers/{self._any(self.servers)}/os-volume_attachments", body)
        self._note("attach", answer.status)

    async def detach(self) -> None:
        path = f"{COMPUTE}/servers/{self._any(self.servers)}/os-volume_attachments/{self._any(self.volumes)}"
        self._note("detach", (await self.world.ask("DELETE", path)).status)

    async def drop_volume(self) -> None:
        self._note("delete volume", (await self.world.ask("DELETE", f"{VOLUME}/volumes/{self._any(self.volumes)}")).status)
