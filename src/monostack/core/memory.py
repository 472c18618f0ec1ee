"""Keeping a long-running process small: glibc gives back what it is no longer asked for."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h


def give_back_freed_memory() -> None:
    """Call it before threads start. Elsewhere than on glibc nothing changes.

    Hashing a password takes 19 MiB for a moment; by default glibc then keeps them, once for each thread that ever hashed one.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 1 << 20)
        mallopt(M_TRIM_THRESHOLD, 1 << 18)
        mallopt(M_ARENA_MAX, 2)
