"""Personality: files that a guest is to find on its config drive. Asked for until microversion 2.57; user data took their place."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Row

from monostack.core.errors import Forbidden
from monostack.protocol.guests import InjectedFile


def check(given: Sequence[Mapping[str, str]], limits: Mapping[str, int]) -> list[dict[str, str]] | None:
    """The files as a server keeps them; None for none. Raises Forbidden over quota."""
    if _over(limits["injected_files"], len(given)):
        raise Forbidden("Personality file limit exceeded")
    for name, key, words in (("injected_file_path_bytes", "path", "path"), ("injected_file_content_bytes", "contents", "content")):
        if _over(limits[name], max((len(file.get(key, "")) for file in given), default=0)):
            raise Forbidden(f"Personality file {words} exceeds maximum {limits[name]}")
    return [{"path": file.get("path", ""), "contents": file.get("contents", "")} for file in given] or None


def _over(limit: int, asked: int) -> bool:
    return 0 <= limit < asked


def of(server: Row[Any]) -> list[InjectedFile]:
    return [InjectedFile(file["path"], file["contents"]) for file in server.injected_files or ()]
