"""One file per metric whose plain definition is slow: the same number from Pictures, sharing work."""
