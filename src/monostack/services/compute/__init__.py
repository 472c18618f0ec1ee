"""The compute service."""

from monostack.http import Dialect, Service
from monostack.http.words import nova_invalid, wrapped_fault

SERVICE = Service(type="compute", name="nova", prefix="/compute", dialect=Dialect(fault=wrapped_fault, invalid=nova_invalid), routes=())
