"""Role-based access control: which projects may use an object that is not theirs. Source: Neutron's extension rbac-policies."""

from monostack.services.network.rbac.table import EVERYBODY, EXTERNAL, SHARED, forget, grant, revoke, shared_with, targets

__all__ = ["EVERYBODY", "EXTERNAL", "SHARED", "forget", "grant", "revoke", "shared_with", "targets"]
