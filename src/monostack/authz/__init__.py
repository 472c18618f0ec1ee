"""Who may do what: OpenStack's policy names and rules, compiled; the operator's overrides; the defaults of each service."""
