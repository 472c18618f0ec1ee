"""Tags: short texts a user puts on a resource. Source: Neutron's extensions standard-attr-tag and tag-creation."""
