"""Commands of `suite.cli` in files of their own: each reads its arguments, calls one function and prints."""
