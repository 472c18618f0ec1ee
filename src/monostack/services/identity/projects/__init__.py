"""Projects: who owns servers, networks, volumes."""

from monostack.services.identity.projects.table import PROJECTS, projects

__all__ = ["PROJECTS", "projects"]
