"""Parts of other services' APIs that Nova offered until microversion 2.36, for clients of that age."""

LAST = (2, 35)
LAST_ACTIONS = (2, 43)  # those on a server's addresses
