"""Volume types: what kinds of volumes there are, who may use them, and which one a project gets by default."""
