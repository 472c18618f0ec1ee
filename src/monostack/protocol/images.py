"""Commands about images (`image.*`): those a host is to have before it needs them, and those it made.

The host keeps the bits of an image that it made and that the image service is to have, by `guest.snapshot` for example, under the
image's id until it is told to forget them. The controller reads them part by part, so they pass through the same connection as
everything else, and a part that got lost is read again.

| command      | args      | result                          |
|--------------|-----------|---------------------------------|
| image.cache  | CacheImage | {} once the host has it        |
| image.read   | ReadImage | ImagePart                       |
| image.forget | ImageRef  | {} also when there is nothing   |
"""

import msgspec

from monostack.protocol.guests import ImageSource

MAX_PART = 4 << 20  # bytes; well below the largest message once it is text


class CacheImage(msgspec.Struct):
    image: ImageSource


class ImageRef(msgspec.Struct):
    image_id: str


class ReadImage(msgspec.Struct):
    image_id: str
    offset: int
    length: int  # bytes, at most MAX_PART


class ImagePart(msgspec.Struct):
    """Bytes from the offset on: fewer than asked for at the end. `total` is the size of the whole image."""

    data: bytes
    total: int
