"""What an agent answers when a command does not succeed."""

import uuid


class CommandError(Exception):
    """A command cannot be carried out.

    `code` is stable and dotted (`guest.not_found`); `message` names the cause and the next action; `retry` says that the same
    command may succeed later without anybody changing anything.
    """

    def __init__(self, code: str, message: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry = retry


def require_uuid(value: str, what: str) -> str:
    """`value` as it may be part of a file's name. Raises CommandError for anything but a UUID with dashes."""
    try:
        canonical = str(uuid.UUID(value))
    except ValueError:
        canonical = ""
    if canonical != value:
        raise CommandError("command.invalid", f"{what} {value!r} is not a UUID")
    return value
