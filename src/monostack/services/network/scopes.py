"""Which rows a caller may know of at all."""

from monostack.http import Request


def scope_of(request: Request) -> str:
    """Administrators know every row, others those of their project and what is given to it."""
    return "all" if request.allows("context_is_admin") else "project"
