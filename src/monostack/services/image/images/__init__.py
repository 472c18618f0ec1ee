"""Images: what they are, who may know of them, and how they are listed, made, changed and deleted."""
