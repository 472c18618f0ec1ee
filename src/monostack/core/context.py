"""Who is calling: the verified content of a token, as every service and the policy engine see it."""

from dataclasses import dataclass, field
from re import Pattern
from typing import Any


@dataclass(frozen=True, slots=True)
class AccessRule:
    """A call that an application credential with access rules may make. `path` matches whole paths."""

    service: str  # type of the service
    method: str
    path: Pattern[str]


@dataclass(frozen=True, slots=True)
class Caller:
    """A user with a scope. At most one of project_id, domain_id and system_scope is set; none for an unscoped token."""

    user_id: str
    user_name: str
    user_domain_id: str
    user_domain_name: str = ""
    project_id: str | None = None
    project_name: str | None = None
    project_domain_id: str | None = None
    project_domain_name: str | None = None
    domain_id: str | None = None
    domain_name: str | None = None
    system_scope: str | None = None  # "all"
    roles: frozenset[str] = frozenset()  # names, implied roles included
    is_admin_project: bool = True
    trust_id: str | None = None
    trustor_id: str | None = None
    trustee_id: str | None = None
    application_credential_id: str | None = None
    unrestricted: bool = False  # the application credential may manage others
    methods: tuple[str, ...] = ()
    audit_ids: tuple[str, ...] = ()
    issued_at: float = 0.0  # seconds since the epoch
    expires_at: float = 0.0
    access_rules: tuple[AccessRule, ...] | None = None  # None: no such limit
    _creds: dict[str, Any] = field(default_factory=dict[str, Any], compare=False, repr=False)

    @property
    def is_admin(self) -> bool:
        """Holds the admin role in the scope of the token."""
        return "admin" in self.roles

    def may_call(self, service: str, method: str, paths: tuple[str, ...]) -> bool:
        """Whether the token may be used for a call at all. `paths` are the ways its path may be written."""
        if self.access_rules is None:
            return True
        return any(
            rule.service == service and rule.method == method and any(rule.path.fullmatch(path) for path in paths)
            for rule in self.access_rules
        )

    def creds(self) -> dict[str, Any]:
        """The credentials as oslo.policy rules read them. Made once; do not change the result."""
        if not self._creds:
            self._creds.update(
                user_id=self.user_id,
                user=self.user_id,
                user_domain_id=self.user_domain_id,
                project_id=self.project_id,
                tenant_id=self.project_id,
                tenant=self.project_id,
                project_domain_id=self.project_domain_id,
                domain_id=self.domain_id,
                system_scope=self.system_scope,
                system=self.system_scope,
                roles=sorted(self.roles),
                is_admin=self.is_admin,
                is_admin_project=self.is_admin_project,
                trust_id=self.trust_id,
                trustor_id=self.trustor_id,
                trustee_id=self.trustee_id,
                # What the token has not is left out: a rule that asks for it denies, where None could equal another None.
                token={
                    "domain": {"id": self.domain_id} if self.domain_id else {},
                    "project": {"domain": {"id": self.project_domain_id}} if self.project_domain_id else {},
                    "user": {"domain": {"id": self.user_domain_id}},
                },
                **{"trust.trustor_id": self.trustor_id, "trust.trustee_id": self.trustee_id},
            )
        return self._creds


ANONYMOUS = Caller(user_id="", user_name="", user_domain_id="")
