"""The option `immutable` of domains, projects and roles."""

from collections.abc import Mapping
from typing import Any

from monostack.core.errors import Forbidden
from monostack.db import Row


def check_mutable(row: Row, kind: str, given: Mapping[str, Any] | None) -> None:
    """What is immutable can only be made mutable, by nothing else in the same call. `given` is None for a deletion."""
    if not (row.options or {}).get("immutable"):
        return
    options = (given or {}).get("options") or {}
    if given is not None and len(given) == 1 and "immutable" in options and options["immutable"] in (False, None):
        return
    verb = "delete" if given is None else "update"
    # The backquote without a partner is Keystone's own.
    raise Forbidden(f'Unable to {verb} immutable {kind} resource: `{row.id}. Set resource option "immutable" to false first.')


def merged_options(row: Row, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options after an update: what is null is taken away."""
    return {name: value for name, value in {**(row.options or {}), **given}.items() if value is not None}
