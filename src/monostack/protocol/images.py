"""Commands about images that a host made and that the image service is to have (`image.*`).

The host keeps the bits of such an image, made by `guest.snapshot` for example, under the image's id until it is told to forget them. The
controller reads them part by part, so they pass through the same connection as everything else, and a part that got lost is read again.

| command      | args      | result                          |
|--------------|-----------|---------------------------------|
| image.read   | ReadImage | ImagePart                       |
| image.forget | ImageRef  | {} also when there is nothing   |
"""

import msgspec

MAX_PART = 4 << 20  # bytes; well below the largest message once it is text


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
