"""The wiring: plan (which units of work), stages (how one is done), executors (where), command line."""
