"""What the user has declared to trust beyond what the project checks. Said on the command line, never in a file."""

import os

OPTION = "--allow-foreign-code"
VARIABLE = "IVFBENCH_ALLOW_FOREIGN_CODE"  # in the environment, so that worker processes inherit it


def allow_foreign_code() -> None:
    """The user takes the risk of code that nobody here has looked at; for this process and those it starts."""
    os.environ[VARIABLE] = "1"


def foreign_code_allowed() -> bool:
    """Whether the user has said so."""
    return os.environ.get(VARIABLE) == "1"
