"""One file per metric: the formula, written plainly, and the variants it is registered under."""
