"""Metadata definitions: namespaces of what properties may be put on images, volumes and servers, and what they mean."""
