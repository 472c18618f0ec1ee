"""Commands `image.*`: see protocol.images."""

from typing import Any

import msgspec

from monostack.agent.handlers.handler import Drivers, Handler
from monostack.protocol.images import CacheImage, ImageRef, ReadImage


async def cache(drivers: Drivers, args: CacheImage) -> dict[str, Any]:
    await drivers.block.cache(args.image)
    return {}


async def read(drivers: Drivers, args: ReadImage) -> dict[str, Any]:
    return msgspec.to_builtins(await drivers.outgoing.read(args))


async def forget(drivers: Drivers, args: ImageRef) -> dict[str, Any]:
    await drivers.outgoing.forget(args.image_id)
    return {}


# An image that can be read is complete and does not change any more, so reading waits for nobody.
HANDLERS = {
    "image.cache": Handler(CacheImage, cache),
    "image.read": Handler(ReadImage, read),
    "image.forget": Handler(ImageRef, forget),
}
