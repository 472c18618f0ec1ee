"""Network segment ranges: the segmentation ids that networks get theirs from. Source: Neutron's extension network-segment-range."""
