"""What the network service refuses, as Nova passes it on: in the words of the client it asks with, which name the request."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from monostack.core.errors import Fault
from monostack.http import Request


@contextmanager
def passed_on(request: Request, kinds: Mapping[int, type[Fault]]) -> Iterator[None]:
    """Faults with these statuses become those of the API that passes them on; others stay what they are."""
    try:
        yield
    except Fault as fault:
        kind = kinds.get(fault.status)
        if kind is None:
            raise
        raise kind(told(request, fault)) from None


def told(request: Request, fault: Fault) -> str:
    """The fault's message with the request's id."""
    return f"{fault.message}\nNeutron server returns request_ids: ['{request.request_id}']"
