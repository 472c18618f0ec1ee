"""What the back end can do, and whether that is what a volume type asks for in its extra specs.

Operators as Cinder's scheduler has them: `<is> True`, `<in> text`, `<or> a <or> b`, `= 3` (at least), `== 3`, `s== text` and so on.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from monostack import __version__
from monostack.db import Row
from monostack.resources.fields import TRUE

OVERSUBSCRIPTION = 20.0  # how much larger all volumes of a host may be than its disk, since they grow only as they are written to
CAPABILITIES: Mapping[str, Any] = {
    "vendor_name": "Open Source",
    "driver_version": __version__,
    "storage_protocol": "file",
    "multiattach": True,
    "online_extend_support": True,
    "thin_provisioning_support": True,
    "thick_provisioning_support": False,
    "replication_enabled": False,
    "QoS_support": False,
}
_NUMBERS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.ge, "==": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le,
}  # fmt: skip
_TEXTS: dict[str, Callable[[Any, Any], bool]] = {
    "s==": operator.eq, "s!=": operator.ne, "s<": operator.lt, "s<=": operator.le, "s>": operator.gt, "s>=": operator.ge,
}  # fmt: skip


def matches(value: Any, wanted: str) -> bool:
    """Is a capability what an extra spec asks for?"""
    word, _, rest = wanted.strip().partition(" ")
    rest = rest.strip()
    if word == "<is>":
        return bool(value) is (rest.lower() in TRUE)
    if word == "<in>":
        return rest in str(value)
    if word == "<or>":
        return str(value) in [part.strip() for part in wanted.split("<or>") if part.strip()]
    if word in _TEXTS:
        return _TEXTS[word](str(value), rest)
    if word in _NUMBERS:
        try:
            return _NUMBERS[word](float(value), float(rest))
        except (TypeError, ValueError):
            return False
    return str(value) == wanted


def capabilities(pool: Row) -> dict[str, Any]:
    """What a pool can do. `backend_name` is the name that its operator has given it."""
    return {"volume_backend_name": pool.backend_name, "pool_name": pool.pool, **CAPABILITIES}


def capable(extra_specs: Mapping[str, Any], pool: Row) -> bool:
    """Does a pool have what a type asks for? Specs with a scope other than `capabilities:` are not about capabilities."""
    known = capabilities(pool)
    for key, wanted in extra_specs.items():
        scope, _, name = key.rpartition(":")
        if scope in ("", "capabilities") and wanted is not None and not (name in known and matches(known[name], str(wanted))):
            return False
    return True
