"""What `verify` found."""

from dataclasses import dataclass, field


@dataclass
class Findings:
    """checked: means -> how many were looked at by it. wrong: what does not hold. not_run: units without a result.

    unknown: what cannot be told from what is here. bundled: the pictures may have stayed with the run.
    """

    checked: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    bundled: bool = False

    def count(self, what: str, number: int = 1) -> None:
        self.checked[what] = self.checked.get(what, 0) + number
