"""The rules new security groups begin with. Source: Neutron's extension security-groups-default-rules."""
