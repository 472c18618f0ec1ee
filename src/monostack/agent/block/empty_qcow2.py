"""The smallest valid qcow2 image of a size: what simulated hosts hand out, since their disks have no bits.

Layout: https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.txt
"""

import struct

CLUSTER_BITS = 16
CLUSTER = 1 << CLUSTER_BITS
_HEADER = struct.Struct(">4sIQIIQIIQQIIQQQQII")


def empty_qcow2(size: int) -> bytes:
    """An image of `size` bytes (whole sectors), all of them zero: header, reference counts and an L1 table that points nowhere."""
    l1_entries = -(-size // (CLUSTER * CLUSTER // 8))
    l1_clusters = -(-l1_entries * 8 // CLUSTER)
    header = _HEADER.pack(
        b"QFI\xfb", 3, 0, 0, CLUSTER_BITS, size, 0, l1_entries, 3 * CLUSTER, CLUSTER, 1, 0, 0, 0, 0, 0, 4, _HEADER.size
    )  # fmt: skip
    table = struct.pack(">Q", 2 * CLUSTER)  # the one block of reference counts is in the third cluster
    counts = struct.pack(">H", 1) * (3 + l1_clusters)
    clusters = (header, table, counts)
    return b"".join(cluster.ljust(CLUSTER, b"\0") for cluster in clusters) + bytes(l1_clusters * CLUSTER)
