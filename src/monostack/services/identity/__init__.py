"""The identity service."""

from monostack.http import Dialect, Service
from monostack.http.words import nova_invalid, wrapped_fault

SERVICE = Service(
    type="identity", name="keystone", prefix="/identity", dialect=Dialect(fault=wrapped_fault, invalid=nova_invalid), routes=()
)
