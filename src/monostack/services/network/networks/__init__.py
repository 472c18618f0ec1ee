"""Networks: broadcast domains of a project, shared ones, and external ones."""
