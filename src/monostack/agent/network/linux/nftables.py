"""Rulesets as values, brought into the kernel by libnftables in single transactions.

A transaction is all or nothing, and traffic never sees a state in between, not even when a whole table is replaced.
Everything acts on the network namespace of the calling thread.
"""

import ctypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

_FUNCTIONS: dict[str, tuple[type | None, list[type]]] = {
    "nft_ctx_new": (ctypes.c_void_p, [ctypes.c_uint32]),
    "nft_ctx_free": (None, [ctypes.c_void_p]),
    "nft_ctx_buffer_output": (ctypes.c_int, [ctypes.c_void_p]),
    "nft_ctx_buffer_error": (ctypes.c_int, [ctypes.c_void_p]),
    "nft_ctx_get_output_buffer": (ctypes.c_char_p, [ctypes.c_void_p]),
    "nft_ctx_get_error_buffer": (ctypes.c_char_p, [ctypes.c_void_p]),
    "nft_ctx_output_set_flags": (None, [ctypes.c_void_p, ctypes.c_uint]),
    "nft_run_cmd_from_buffer": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p]),
}
_JSON_OUTPUT = 1 << 4


class NftablesError(RuntimeError):
    """The kernel or libnftables refused a transaction; nothing of it was done."""


@cache
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libnftables.so.1")
    except OSError as error:
        raise NftablesError(f"libnftables is not installed: {error}; install the package libnftables1") from error
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def run(commands: str, *, json: bool = False) -> str:
    """Run commands as one transaction and return what they print. Raises NftablesError."""
    library = _library()
    # A context costs 0.05 ms and belongs to the namespace it was made in: one for each transaction.
    context = library.nft_ctx_new(0)
    try:
        library.nft_ctx_buffer_output(context)
        library.nft_ctx_buffer_error(context)
        if json:
            library.nft_ctx_output_set_flags(context, _JSON_OUTPUT)
        failed = library.nft_run_cmd_from_buffer(context, commands.encode())
        if failed:
            message = library.nft_ctx_get_error_buffer(context).decode(errors="replace").strip()
            raise NftablesError(" ".join(message.splitlines()[:3]) or "nftables refused without saying why")
        return library.nft_ctx_get_output_buffer(context).decode()
    finally:
        library.nft_ctx_free(context)


@dataclass(frozen=True, slots=True)
class Elements:
    """A named set (values None) or map. `spec` is its type and flags as nft writes them."""

    kind: str  # "set" or "map"
    spec: str
    items: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules in order. `hook` is the type, hook, priority and policy of a base chain as nft writes them; "" for others."""

    rules: tuple[str, ...]
    hook: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it should be."""

    family: str
    name: str
    elements: Mapping[str, Elements] = field(default_factory=dict)
    chains: Mapping[str, Chain] = field(default_factory=dict)

    @property
    def where(self) -> str:
        return f"{self.family} {self.name}"


def replace(table: Table) -> str:
    """Commands that make the table whatever it was before."""
    empty = Table(table.family, table.name)
    fresh = [f"add table {table.where}", f"delete table {table.where}", f"add table {table.where}"]
    return "\n".join([*fresh, *_difference(empty, table)])


def remove(family: str, name: str) -> str:
    """Commands after which there is no such table, whether or not there was."""
    return f"add table {family} {name}\ndelete table {family} {name}"


def change(old: Table, new: Table) -> str:
    """Commands that turn one state of a table into another, touching only what differs; "" when nothing does."""
    return "\n".join(_difference(old, new))


def _difference(old: Table, new: Table) -> Iterator[str]:
    """In an order in which nothing is used before it is there, or removed while used."""
    where = new.where
    for name, elements in new.elements.items():
        if name not in old.elements:
            yield f"add {elements.kind} {where} {name} {{ {elements.spec} }}"
    for name, chain in new.chains.items():
        if name not in old.chains:
            yield f"add chain {where} {name}" + (f" {{ {chain.hook} }}" if chain.hook else "")
    changed = [name for name, chain in new.chains.items() if (before := old.chains.get(name)) is None or before.rules != chain.rules]
    gone = [name for name in old.chains if name not in new.chains]
    yield from (f"flush chain {where} {name}" for name in [*changed, *gone] if name in old.chains)
    for name, elements in old.elements.items():
        yield from _removed(where, name, elements, new.elements.get(name))
    for name in changed:
        yield from (f"add rule {where} {name} {rule}" for rule in new.chains[name].rules)
    for name, elements in new.elements.items():
        yield from _added(where, name, old.elements.get(name), elements)
    yield from (f"delete chain {where} {name}" for name in gone)
    yield from (f"delete {elements.kind} {where} {name}" for name, elements in old.elements.items() if name not in new.elements)


def _refilled(old: Elements | None, new: Elements | None) -> bool:
    # Intervals may overlap their predecessors, which the kernel refuses element by element.
    return old is not None and new is not None and "interval" in new.spec and old.items != new.items


def _removed(where: str, name: str, old: Elements, new: Elements | None) -> Iterator[str]:
    if _refilled(old, new) and old.items:
        yield f"flush {old.kind} {where} {name}"
        return
    keep = new.items if new else {}
    gone = [key for key, value in old.items.items() if key not in keep or keep[key] != value]
    if gone:
        yield f"delete element {where} {name} {{ {', '.join(gone)} }}"


def _added(where: str, name: str, old: Elements | None, new: Elements) -> Iterator[str]:
    before = {} if old is None or _refilled(old, new) else old.items
    added = [key if value is None else f"{key} : {value}" for key, value in new.items.items() if key not in before or before[key] != value]
    if added:
        yield f"add element {where} {name} {{ {', '.join(added)} }}"
