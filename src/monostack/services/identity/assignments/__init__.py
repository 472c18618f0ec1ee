"""Role assignments: which user or group holds which role on which project, domain or on the system."""
