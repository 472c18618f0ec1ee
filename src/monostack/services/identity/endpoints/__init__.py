"""Endpoints of the catalog: under which URL a service is found."""
