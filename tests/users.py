"""What users do, at random: servers and volumes made, used and deleted, also while something else happens to them."""

import random
from collections.abc import Collection, Sequence
from typing import Any, Protocol

COMPUTE, VOLUME, NETWORK, IMAGE = "/compute/v2.1", "/volume/v3", "/network/v2.0", "/image/v2"
OTHER_POOL = "slow"  # beside the one that every host has
NOTHING = "00000000-0000-0000-0000-000000000000"


class Answer(Protocol):
    """What came back. Status 0: nothing did."""

    status: int

    def json(self) -> Any: ...


class World(Protocol):
    """Where a user lives. `random` decides everything, `log` keeps what happened."""

    random: random.Random
    log: list[str]

    async def ask(self, method: str, path: str, body: Any = None, content: bytes | None = None) -> Answer: ...


class User:
    """Does a few plain things, as `VERBS` says, or what the caller chooses of `EVERYTHING`."""

    VERBS = ("boot", "boot", "boot", "delete", "delete", "power", "make_volume", "attach", "detach", "drop_volume")
    EVERYTHING = (
        "boot", "boot", "boot_from_volume", "delete", "delete", "power", "halt", "rescue", "rebuild", "resize", "end_resize", "make_image",
        "shelve", "live_migrate", "make_volume", "attach", "detach", "plug", "unplug", "extend", "snapshot", "drop_snapshot", "drop_volume",
        "relocate", "relocate", "relocate", "back_up", "restore", "drop_backup",
    )  # fmt: skip

    def __init__(self, world: World, image: str = "", network: str = "") -> None:
        self.world = world
        self.servers: list[str] = []
        self.volumes: list[str] = []
        self.snapshots: list[str] = []
        self.backups: list[str] = []
        self.attached: list[tuple[str, str]] = []  # servers with a volume they were given at some time
        self.stopped: set[str] = set()  # servers that were asked to stop at some time
        self.deleted: set[str] = set()  # servers and volumes that were asked to be deleted, with whatever answer
        self.image, self.network = image, network

    async def prepare(self, image: bytes = b"\0" * 4096, disk_format: str = "raw") -> None:
        """An image, a network with a subnet, and a flavor."""
        described = {"name": "i", "disk_format": disk_format, "container_format": "bare"}
        self.image = (await self._made(201, "POST", f"{IMAGE}/images", described))["id"]
        uploaded = await self.world.ask("PUT", f"{IMAGE}/images/{self.image}/file", content=image)
        assert uploaded.status == 204, uploaded.status
        self.network = (await self._made(201, "POST", f"{NETWORK}/networks", {"network": {"name": "n"}}))["network"]["id"]
        subnet = {"network_id": self.network, "ip_version": 4, "cidr": "10.0.0.0/24"}
        await self._made(201, "POST", f"{NETWORK}/subnets", {"subnet": subnet})
        for number, memory in (("1", 192), ("2", 256)):
            flavor = {"name": f"f{number}", "id": number, "ram": memory, "vcpus": 1, "disk": 1}
            await self._made(200, "POST", f"{COMPUTE}/flavors", {"flavor": flavor})

    async def _made(self, status: int, method: str, path: str, body: Any) -> Any:
        answer = await self.world.ask(method, path, body)
        assert answer.status == status, f"{method} {path}: {answer.status} {answer.json()}"
        return answer.json()

    async def act(self, verbs: Sequence[str] = VERBS) -> None:
        await getattr(self, self.world.random.choice(verbs))()

    def _note(self, what: str, answer: Answer) -> None:
        self.world.log.append(f"{what}: {answer.status}")

    def missing(self, there: Collection[str]) -> set[str]:
        """What this user was promised and nobody asked to be deleted, servers, volumes, snapshots and backups, but is not `there`."""
        return {*self.servers, *self.volumes, *self.snapshots, *self.backups} - self.deleted - set(there)

    def _any(self, ids: list[str]) -> str:
        """One that nobody asked to be deleted, where there is one."""
        return self.world.random.choice([id for id in ids if id not in self.deleted] or ids or [NOTHING])

    async def boot(self) -> None:
        """A server with a disk of its own."""
        await self._boot(imageRef=self.image)

    async def boot_from_volume(self) -> None:
        """A server on a volume that is made with it and goes with it."""
        root = {"boot_index": 0, "uuid": self.image, "source_type": "image", "destination_type": "volume", "volume_size": 1}
        await self._boot(block_device_mapping_v2=[{**root, "delete_on_termination": True}])

    async def _boot(self, **source: Any) -> None:
        server = {"name": "s", "flavorRef": "1", "networks": [{"uuid": self.network}], **source}
        answer = await self.world.ask("POST", f"{COMPUTE}/servers", {"server": server})
        if answer.status == 202:
            self.servers.append(answer.json()["server"]["id"])
        self._note(f"boot {self.servers[-1] if answer.status == 202 else ''}", answer)

    async def delete(self) -> None:
        server = self._any(self.servers)
        self.deleted.add(server)
        self._note(f"delete {server}", await self.world.ask("DELETE", f"{COMPUTE}/servers/{server}"))

    async def power(self) -> None:
        await self._act_on_server(({"os-stop": None}, {"os-start": None}, {"reboot": {"type": "HARD"}}, {"reboot": {"type": "SOFT"}}))

    async def reboot(self) -> None:
        await self._act_on_server(({"reboot": {"type": "HARD"}}, {"reboot": {"type": "HARD"}}, {"reboot": {"type": "SOFT"}}))

    async def halt(self) -> None:
        await self._act_on_server(({"pause": None}, {"unpause": None}, {"suspend": None}, {"resume": None}))

    async def rescue(self) -> None:
        await self._act_on_server(({"rescue": None}, {"unrescue": None}))

    async def rebuild(self) -> None:
        await self._act_on_server(({"rebuild": {"imageRef": self.image}},))

    async def resize(self) -> None:
        """To the other flavor, or to another host with the same."""
        await self._act_on_server(({"resize": {"flavorRef": "2"}}, {"resize": {"flavorRef": "1"}}, {"migrate": None}))

    async def end_resize(self) -> None:
        await self._act_on_server(({"confirmResize": None}, {"revertResize": None}))

    async def make_image(self) -> None:
        backup = {"name": "made", "backup_type": "daily", "rotation": 1}
        await self._act_on_server(({"createImage": {"name": "made"}}, {"createBackup": backup}))

    async def shelve(self) -> None:
        await self._act_on_server(({"shelve": None}, {"unshelve": None}, {"shelveOffload": None}))

    async def live_migrate(self) -> None:
        await self._act_on_server(({"os-migrateLive": {"host": None, "block_migration": False, "disk_over_commit": False}},))

    async def _act_on_server(self, choices: Sequence[dict[str, Any]]) -> None:
        server, body = self._any(self.servers), self.world.random.choice(choices)
        if "os-stop" in body:
            self.stopped.add(server)
        self._note(f"{body} {server}", await self.world.ask("POST", f"{COMPUTE}/servers/{server}/action", body))

    async def make_volume(self) -> None:
        answer = await self.world.ask("POST", f"{VOLUME}/volumes", {"volume": {"size": 1}})
        if answer.status == 202:
            self.volumes.append(answer.json()["volume"]["id"])
        self._note(f"volume {self.volumes[-1] if answer.status == 202 else ''}", answer)

    async def attach(self) -> None:
        taken = {volume for server, volume in self.attached if server not in self.deleted}
        server, volume = self._any(self.servers), self._any([id for id in self.volumes if id not in taken])
        body = {"volumeAttachment": {"volumeId": volume}}
        answer = await self.world.ask("POST", f"{COMPUTE}/servers/{server}/os-volume_attachments", body)
        if answer.status == 200:
            self.attached.append((server, volume))
        self._note(f"attach {volume} to {server}", answer)

    async def detach(self) -> None:
        pairs = [pair for pair in self.attached if pair[0] not in self.deleted]
        server, volume = self.world.random.choice(pairs or [(self._any(self.servers), self._any(self.volumes))])
        if (server, volume) in pairs:
            self.attached.remove((server, volume))
        path = f"{COMPUTE}/servers/{server}/os-volume_attachments/{volume}"
        self._note(f"detach {volume} from {server}", await self.world.ask("DELETE", path))

    async def plug(self) -> None:
        """One more interface for a server."""
        server = self._any(self.servers)
        body = {"interfaceAttachment": {"net_id": self.network}}
        self._note(f"plug {server}", await self.world.ask("POST", f"{COMPUTE}/servers/{server}/os-interface", body))

    async def unplug(self) -> None:
        server = self._any(self.servers)
        found = await self.world.ask("GET", f"{COMPUTE}/servers/{server}/os-interface")
        ports = [each["port_id"] for each in found.json()["interfaceAttachments"]] if found.status == 200 else []
        port = self.world.random.choice(ports or [NOTHING])
        self._note(f"unplug {port} of {server}", await self.world.ask("DELETE", f"{COMPUTE}/servers/{server}/os-interface/{port}"))

    async def extend(self) -> None:
        volume, size = self._any(self.volumes), self.world.random.randint(2, 5)
        answer = await self.world.ask("POST", f"{VOLUME}/volumes/{volume}/action", {"os-extend": {"new_size": size}})
        self._note(f"extend {volume} to {size}", answer)

    async def relocate(self) -> None:
        """To the other back end of its host."""
        volume = self._any(self.volumes)
        shown = await self.world.ask("GET", f"{VOLUME}/volumes/{volume}")
        if shown.status == 200:
            host, _, backend = (shown.json()["volume"]["os-vol-host-attr:host"] or "").partition("#")[0].partition("@")
            there = {"host": f"{host}@{'file' if backend == OTHER_POOL else OTHER_POOL}"}
            answer = await self.world.ask("POST", f"{VOLUME}/volumes/{volume}/action", {"os-migrate_volume": there})
            self._note(f"move {volume} to {there['host']}", answer)

    async def snapshot(self) -> None:
        volume = self._any(self.volumes)
        answer = await self.world.ask("POST", f"{VOLUME}/snapshots", {"snapshot": {"volume_id": volume, "force": True}})
        if answer.status == 202:
            self.snapshots.append(answer.json()["snapshot"]["id"])
        self._note(f"snapshot of {volume}", answer)

    async def drop_snapshot(self) -> None:
        snapshot = self._any(self.snapshots)
        self.deleted.add(snapshot)
        self._note(f"delete snapshot {snapshot}", await self.world.ask("DELETE", f"{VOLUME}/snapshots/{snapshot}"))

    async def drop_volume(self) -> None:
        volume = self._any(self.volumes)
        self.deleted.add(volume)
        self._note(f"delete volume {volume}", await self.world.ask("DELETE", f"{VOLUME}/volumes/{volume}"))

    async def back_up(self) -> None:
        volume = self._any(self.volumes)
        answer = await self.world.ask("POST", f"{VOLUME}/backups", {"backup": {"volume_id": volume, "force": True}})
        if answer.status == 202:
            self.backups.append(answer.json()["backup"]["id"])
        self._note(f"back up {volume}", answer)

    async def restore(self) -> None:
        """Into the volume it is of, or another."""
        backup, volume = self._any(self.backups), self._any(self.volumes)
        answer = await self.world.ask("POST", f"{VOLUME}/backups/{backup}/restore", {"restore": {"volume_id": volume}})
        self._note(f"restore {backup} into {volume}", answer)

    async def drop_backup(self) -> None:
        backup = self._any(self.backups)
        self.deleted.add(backup)
        self._note(f"delete backup {backup}", await self.world.ask("DELETE", f"{VOLUME}/backups/{backup}"))
