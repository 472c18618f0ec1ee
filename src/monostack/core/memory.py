"""Memory of a long-running process: glibc gives back what it is no longer asked for, and Python looks through little for garbage."""

import ctypes
import gc

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h
YOUNG = 20_000  # objects made since the last search for garbage, by which the next begins; a page of 1,000 servers is made of 15,000


def give_back_freed_memory() -> None:
    """Call it before threads start. Elsewhere than on glibc nothing changes.

    Hashing a password takes 19 MiB for a moment; by default glibc then keeps them, once for each thread that ever hashed one.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 1 << 20)
        mallopt(M_TRIM_THRESHOLD, 1 << 18)
        mallopt(M_ARENA_MAX, 2)


def search_garbage_rarely() -> None:
    """Reference counts free nearly everything at once; what is left to the garbage collector is little, and searching for it is not."""
    gc.set_threshold(YOUNG)


def keep_what_is_loaded() -> None:
    """Call it once everything runs: modules, routes and schemas stay to the end, and are no longer looked through for garbage.

    Otherwise one search in ten goes through all of them: a tenth of a second each time, and more than half of what a long list costs.
    """
    gc.collect()
    gc.freeze()
