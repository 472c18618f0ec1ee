"""URLs of endpoints: what may stand for something in them, and what it is replaced by."""

import re

PUBLIC_URL = "$(public_url)s"  # where this cloud is; only its own endpoints have it
_VARIABLE = re.compile(r"[$%]\(([a-z_]+)\)s")
# What Keystone replaces, too. Its names of ports and hosts are those of a configuration nobody has any more.
ALLOWED = frozenset({"tenant_id", "project_id", "user_id", "public_url"})


def is_valid(url: str) -> bool:
    """Whether everything that is to be replaced has a known name."""
    try:
        _ = url.replace("$(", "%(") % dict.fromkeys(ALLOWED, "")
    except (KeyError, TypeError, ValueError):
        return False
    return True


def fill_in(url: str, values: dict[str, str | None]) -> str | None:
    """The URL with its variables replaced; None if the caller has no such thing (a project in an unscoped token)."""
    missing = False

    def value_of(match: re.Match[str]) -> str:
        nonlocal missing
        value = values.get(match[1])
        missing = missing or value is None
        return value or ""

    filled = _VARIABLE.sub(value_of, url)
    return None if missing else filled
