"""What the settings of both rooms' trainings share: one wording for a value out of range.

Types and names of keys are checked where tables are read (core.records.read).
"""


def require(settings: object, name: str, holds: bool, expected: str) -> None:
    """Raises ValueError, naming the setting and its value, unless `holds`."""
    if not holds:
        raise ValueError(f"setting {name} = {vars(settings)[name]!r}; expected {expected}")
