"""The placement service."""

from monostack.http import Dialect, Service
from monostack.http.words import nova_invalid, wrapped_fault
from monostack.services.placement import facade as facade

SERVICE = Service(
    type="placement", name="placement", prefix="/placement", dialect=Dialect(fault=wrapped_fault, invalid=nova_invalid), routes=()
)
