"""The network service."""

from monostack.http import Dialect, Service
from monostack.http.words import nova_invalid, wrapped_fault

SERVICE = Service(type="network", name="neutron", prefix="/network", dialect=Dialect(fault=wrapped_fault, invalid=nova_invalid), routes=())
