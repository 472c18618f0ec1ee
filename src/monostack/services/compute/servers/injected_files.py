"""Personality: files that a guest is to find on its config drive. Asked for until microversion 2.57; user data took their place."""

from collections.abc import Mapping, Sequence

from monostack.db import Row
from monostack.protocol.guests import InjectedFile
from monostack.services.compute.quotas import Budget


def check(given: Sequence[Mapping[str, str]], budget: Budget) -> list[dict[str, str]] | None:
    """The files as a server keeps them; None for none. Raises Forbidden over quota."""
    if not given:
        return None
    budget.require("injected_files", len(given), "Personality file limit exceeded")
    for name, key, words in (("injected_file_path_bytes", "path", "path"), ("injected_file_content_bytes", "contents", "content")):
        longest = max(len(file.get(key, "")) for file in given)
        budget.require(name, longest, f"Personality file {words} exceeds maximum {{limit}}")
    return [{"path": file.get("path", ""), "contents": file.get("contents", "")} for file in given]


def of(server: Row) -> list[InjectedFile]:
    return [InjectedFile(file["path"], file["contents"]) for file in server.injected_files or ()]
