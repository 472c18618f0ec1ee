"""Unified limits: what a project or domain may use, kept in one place for services that ask here. The model is flat."""
