"""Address scopes: sets of subnet pools without overlap, between which nothing is translated. Source: Neutron's extension address-scope."""
