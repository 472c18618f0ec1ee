"""The HTTP kernel: from an ASGI request to a handler and back.

authenticate -> route -> microversion -> validate -> (in the handler) authorize. A service declares `Routes`; a handler is a function
of (request, tx). Nothing here knows any service.
"""

from monostack.http.request import Request
from monostack.http.response import Response
from monostack.http.routing import Route, Routes
from monostack.http.service import Dialect, Microversions, Service

__all__ = ["Dialect", "Microversions", "Request", "Response", "Route", "Routes", "Service"]
