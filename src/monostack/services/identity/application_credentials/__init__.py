"""Application credentials: secrets with which programs act for a user in one project, perhaps only with some calls."""
