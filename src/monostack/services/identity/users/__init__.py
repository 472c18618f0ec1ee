"""Users: who may call, and what proves it."""

from monostack.services.identity.users.table import USERS, users

__all__ = ["USERS", "users"]
