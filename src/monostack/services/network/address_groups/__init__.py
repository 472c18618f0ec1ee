"""Address groups: lists of prefixes that security group rules name. Source: Neutron's extension address-group."""
