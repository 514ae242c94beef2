"""The network of the paper, one file a part."""
