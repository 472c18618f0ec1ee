"""Commands `guest.*`: see protocol.guests."""

from typing import Any

import msgspec

from monostack.agent.handlers.handler import Drivers, Handler, NoArguments, server, volume
from monostack.protocol.guests import (
    AttachNic,
    AttachVolume,
    ConsoleLog,
    DetachNic,
    DetachVolume,
    FindConsole,
    GuestRef,
    GuestSpec,
    OpenConsole,
    RebootGuest,
    RescueGuest,
    SnapshotGuest,
    StopGuest,
    UnrescueGuest,
)


async def create(drivers: Drivers, args: GuestSpec) -> dict[str, Any]:
    await drivers.hypervisor.create(args)
    return {}


async def start(drivers: Drivers, args: GuestSpec) -> dict[str, Any]:
    await drivers.hypervisor.start(args)
    return {}


async def stop(drivers: Drivers, args: StopGuest) -> dict[str, Any]:
    await drivers.hypervisor.stop(args.server_id, args.timeout)
    return {}


async def reboot(drivers: Drivers, args: RebootGuest) -> dict[str, Any]:
    await drivers.hypervisor.reboot(args.spec, args.hard, args.timeout)
    return {}


async def pause(drivers: Drivers, args: GuestRef) -> dict[str, Any]:
    await drivers.hypervisor.pause(args.server_id)
    return {}


async def unpause(drivers: Drivers, args: GuestRef) -> dict[str, Any]:
    await drivers.hypervisor.unpause(args.server_id)
    return {}


async def suspend(drivers: Drivers, args: GuestRef) -> dict[str, Any]:
    await drivers.hypervisor.suspend(args.server_id)
    return {}


async def resume(drivers: Drivers, args: GuestSpec) -> dict[str, Any]:
    await drivers.hypervisor.resume(args)
    return {}


async def rescue(drivers: Drivers, args: RescueGuest) -> dict[str, Any]:
    await drivers.hypervisor.rescue(args)
    return {}


async def unrescue(drivers: Drivers, args: UnrescueGuest) -> dict[str, Any]:
    await drivers.hypervisor.unrescue(args.spec, args.start)
    return {}


async def keep(drivers: Drivers, args: GuestRef) -> dict[str, Any]:
    await drivers.hypervisor.keep(args.server_id)
    return {}


async def resize(drivers: Drivers, args: GuestSpec) -> dict[str, Any]:
    await drivers.hypervisor.resize(args)
    return {}


async def restore(drivers: Drivers, args: GuestSpec) -> dict[str, Any]:
    await drivers.hypervisor.restore(args)
    return {}


async def forget_kept(drivers: Drivers, args: GuestRef) -> dict[str, Any]:
    await drivers.hypervisor.forget_kept(args.server_id)
    return {}


async def hand_over(drivers: Drivers, args: GuestRef) -> dict[str, Any]:
    await drivers.hypervisor.hand_over(args.server_id)
    return {}


async def take_over(drivers: Drivers, args: GuestSpec) -> dict[str, Any]:
    await drivers.hypervisor.take_over(args)
    return {}


async def destroy(drivers: Drivers, args: GuestRef) -> dict[str, Any]:
    await drivers.hypervisor.destroy(args.server_id)
    return {}


async def attach_volume(drivers: Drivers, args: AttachVolume) -> dict[str, Any]:
    await drivers.hypervisor.attach_volume(args.server_id, args.volume)
    return {}


async def detach_volume(drivers: Drivers, args: DetachVolume) -> dict[str, Any]:
    await drivers.hypervisor.detach_volume(args.server_id, args.volume_id)
    return {}


async def attach_nic(drivers: Drivers, args: AttachNic) -> dict[str, Any]:
    await drivers.hypervisor.attach_nic(args.server_id, args.nic)
    return {}


async def detach_nic(drivers: Drivers, args: DetachNic) -> dict[str, Any]:
    await drivers.hypervisor.detach_nic(args.server_id, args.port_id)
    return {}


async def console_log(drivers: Drivers, args: ConsoleLog) -> dict[str, Any]:
    return {"output": await drivers.hypervisor.console_log(args.server_id, args.lines)}


async def snapshot(drivers: Drivers, args: SnapshotGuest) -> dict[str, Any]:
    await drivers.hypervisor.snapshot(args.server_id, args.image_id)
    return {}


async def find_console(drivers: Drivers, args: FindConsole) -> dict[str, Any]:
    host, port = await drivers.hypervisor.find_console(args.server_id, args.kind)
    return {"host": host, "port": port}


async def open_console(drivers: Drivers, args: OpenConsole) -> dict[str, Any]:
    await drivers.consoles.open(args.server_id, args.kind, args.stream)
    return {}


async def inject_nmi(drivers: Drivers, args: GuestRef) -> dict[str, Any]:
    await drivers.hypervisor.inject_nmi(args.server_id)
    return {}


async def diagnostics(drivers: Drivers, args: GuestRef) -> dict[str, Any]:
    return msgspec.to_builtins(await drivers.hypervisor.diagnostics(args.server_id))


async def listing(drivers: Drivers, args: NoArguments) -> dict[str, Any]:
    return {"guests": msgspec.to_builtins(await drivers.hypervisor.guests())}


def _server(args: Any) -> tuple[str, ...]:
    return (server(args.server_id),)


def _server_and_volumes(args: GuestSpec) -> tuple[str, ...]:
    return (server(args.server_id), *(volume(attached.volume_id) for attached in args.volumes))


DESTRUCTION = ("guest.destroy",)
HANDLERS = {
    "guest.create": Handler(GuestSpec, create, _server_and_volumes, gives_way=DESTRUCTION),
    "guest.start": Handler(GuestSpec, start, _server_and_volumes, gives_way=DESTRUCTION),
    "guest.stop": Handler(StopGuest, stop, _server, gives_way=(*DESTRUCTION, "guest.reboot")),
    "guest.reboot": Handler(RebootGuest, reboot, lambda args: _server_and_volumes(args.spec), gives_way=(*DESTRUCTION, "guest.reboot")),
    "guest.pause": Handler(GuestRef, pause, _server),
    "guest.unpause": Handler(GuestRef, unpause, _server),
    "guest.suspend": Handler(GuestRef, suspend, _server, gives_way=DESTRUCTION),
    "guest.resume": Handler(GuestSpec, resume, _server_and_volumes, gives_way=DESTRUCTION),
    "guest.rescue": Handler(RescueGuest, rescue, lambda args: _server_and_volumes(args.spec), gives_way=DESTRUCTION),
    "guest.unrescue": Handler(UnrescueGuest, unrescue, lambda args: _server_and_volumes(args.spec), gives_way=DESTRUCTION),
    "guest.keep": Handler(GuestRef, keep, _server),
    "guest.resize": Handler(GuestSpec, resize, _server_and_volumes),
    "guest.restore": Handler(GuestSpec, restore, _server_and_volumes),
    "guest.forget_kept": Handler(GuestRef, forget_kept, _server),
    "guest.hand_over": Handler(GuestRef, hand_over, _server),
    "guest.take_over": Handler(GuestSpec, take_over, _server_and_volumes),
    "guest.destroy": Handler(GuestRef, destroy, _server),
    "guest.attach_volume": Handler(AttachVolume, attach_volume, lambda args: (server(args.server_id), volume(args.volume.volume_id))),
    "guest.detach_volume": Handler(
        DetachVolume, detach_volume, lambda args: (server(args.server_id), volume(args.volume_id)), gives_way=DESTRUCTION
    ),
    "guest.attach_nic": Handler(AttachNic, attach_nic, _server),
    "guest.detach_nic": Handler(DetachNic, detach_nic, _server, gives_way=DESTRUCTION),
    "guest.snapshot": Handler(SnapshotGuest, snapshot, _server, gives_way=DESTRUCTION),
    # Reading waits for nobody: the console of a guest that is just shutting down is worth reading.
    "guest.console_log": Handler(ConsoleLog, console_log),
    "guest.find_console": Handler(FindConsole, find_console),
    "guest.open_console": Handler(OpenConsole, open_console),
    "guest.inject_nmi": Handler(GuestRef, inject_nmi, _server),
    "guest.diagnostics": Handler(GuestRef, diagnostics),
    "guest.list": Handler(NoArguments, listing),
}
