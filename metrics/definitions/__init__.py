"""One file per metric: the plain definition, the fast path, and the variants it is registered under."""
