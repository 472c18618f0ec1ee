"""What the bits of an image really are, found out while they stream by, before anyone uses them.

A declared format must be the content's own, and content that would make a host read other files (a backing file, an external data
file, extents of a VMDK elsewhere) is refused. The formats are told apart by oslo.utils, as in Glance and Nova.
"""

import logging

from oslo_utils.imageutils.format_inspector import (
    ALL_FORMATS,
    FileInspector,
    ImageFormatError,
    InspectWrapper,
    SafetyCheckFailed,
)

from monostack.core.errors import UnsupportedMediaType

log = logging.getLogger(__name__)

_MAX_SIZE = 2**63 - 1


class _Feed:
    """Lets the inspectors, which read a file, be given blocks instead."""

    block = b""

    def read(self, size: int) -> bytes:
        block, self.block = self.block, b""
        return block


class Inspection:
    """Watches the blocks of one image."""

    def __init__(self) -> None:
        self._feed = _Feed()
        self._wrapper = InspectWrapper(self._feed)  # type: ignore[arg-type]

    def take(self, block: bytes) -> None:
        self._feed.block = block
        self._wrapper.read(len(block))

    def conclude(self, disk_format: str, *, strict: bool) -> int | None:
        """The virtual size in bytes, None where it is not known. Raises UnsupportedMediaType for unsafe content, and, if `strict`, for
        content that is not of the format."""
        self._wrapper.close()
        size = None
        try:
            inspector = self._detected()
            size = _virtual_size(inspector, disk_format)
            inspector.safety_check()
        except ImageFormatError as error:
            if not strict:
                return None
            raise UnsupportedMediaType(detail=str(error)) from None
        except SafetyCheckFailed as error:
            if disk_format not in ("aki", "ari") or set(error.failures) != {"mbr"}:  # kernels carry boot sectors that are none
                log.warning("an image declared %s is refused: %s", disk_format, error)
                raise UnsupportedMediaType(detail="Image failed safety checks") from None
        except Exception:
            log.exception("an image declared %s could not be inspected", disk_format)
            raise UnsupportedMediaType(detail="Image format inspection failed") from None
        if size is not None and not 0 <= size <= _MAX_SIZE:
            raise UnsupportedMediaType(detail="Image failed safety checks")
        return size or None

    def _detected(self) -> FileInspector:
        found = {str(inspector): inspector for inspector in self._wrapper.formats or ()}
        if found.keys() == {"iso", "gpt"}:  # an ISO that also boots as a disk
            return found["iso"]
        inspector = self._wrapper.format
        assert inspector is not None, "the stream has ended"
        return inspector


def _virtual_size(inspector: FileInspector, disk_format: str) -> int | None:
    content = str(inspector)
    if content == disk_format:
        return inspector.virtual_size
    if content == "raw" and disk_format not in ALL_FORMATS:
        return None  # ami, aki, ari and ploop cannot be recognised
    if disk_format == "raw":
        return inspector.actual_size  # whatever is inside, hosts will treat it as plain bytes
    raise ImageFormatError(f"Image disk_format {disk_format} does not match stream data {content}")
