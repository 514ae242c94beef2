"""Which unit may begin next: the longest first, each after what it needs, no more at once than memory holds, units that
measure time by themselves."""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from suite.stages import Outcome, blocked, find_stage
from suite.unit import Unit


@dataclass(frozen=True)
class Demand:
    """What a unit asks of a machine.

    length: its cost with what waits for it, in any unit; equal ones keep the plan's order. memory: bytes beside what an
    idle worker holds. told: what memory it needs and the remedy, for whom it is refused.
    """

    length: float = 0.0
    memory: float = 0.0
    told: str = ""


_NOTHING = Demand()


def by_length(units: Sequence[Unit], demands: Mapping[str, Demand]) -> list[Unit]:
    """Longest first. A unit is as long as what waits for it at least, so each still comes after what it needs."""
    return sorted(units, key=lambda unit: -demands.get(unit.key, _NOTHING).length)


class Queue:
    """Open units. `next` gives one that may begin, `ended` tells how it went; both take logarithmic time where memory
    holds them all."""

    def __init__(self, units: Sequence[Unit], finished: set[str], demands: Mapping[str, Demand] | None = None,
                 room: float = inf):
        """
        Args:
            units: in plan order. finished: keys of units that are done already (what an upstream may refer to).
            demands: unit key -> what it asks for; one that is not there asks for nothing.
            room: bytes of memory for units that run together.
        """
        self._units = list(units)
        self._demands, self._room = demands or {}, room
        self._needs: dict[str, int] = {}  # how many upstream units have not ended
        self._waiting: defaultdict[str, list[int]] = defaultdict(list)  # upstream key -> places of units
        self._ready: dict[bool, list[tuple[float, int]]] = {False: [], True: []}  # exclusive? -> heap of places
        self._running = 0
        self._taken = 0.0  # memory of those that run
        self._exclusive_running = False
        self._refused: list[Unit] = []
        for place, unit in enumerate(self._units):
            needs = [up.key for up in unit.upstream if up.key not in finished]
            self._needs[unit.key] = len(needs)
            for key in needs:
                self._waiting[key].append(place)
            if not needs:
                self._make_ready(place)

    def next(self) -> Unit | None:
        """A unit that may begin now, or None while all of them wait for one at work.

        A unit that measures time begins when nothing else can, and nothing begins beside it. A longer unit that does
        not fit beside what runs is passed over until it does.
        """
        if self._exclusive_running:
            return None
        unit = self._fitting()
        if unit is None and not self._ready[False] and not self._running and self._ready[True]:
            unit = self._units[heapq.heappop(self._ready[True])[1]]
            self._exclusive_running = True
        if unit is not None:
            self._running += 1
            self._taken += self._demand(unit).memory
        return unit

    def refused(self) -> Iterator[tuple[Unit, Outcome]]:
        """The units that `next` found too large for the memory even alone, and those that can never begin then."""
        while self._refused:
            unit = self._refused.pop(0)
            outcome = Outcome("failed", self._demand(unit).told)
            yield unit, outcome
            yield from self._release(unit, outcome)

    def ended(self, unit: Unit, outcome: Outcome) -> Iterator[tuple[Unit, Outcome]]:
        """A unit that `next` gave has ended. Yields the units that can never begin because of it.

        A stopped unit blocks nobody: the run is about to end, and the next one goes on from there.
        """
        self._running -= 1
        self._taken -= self._demand(unit).memory
        self._exclusive_running = False
        if outcome.status != "stopped":
            yield from self._release(unit, outcome)

    def _fitting(self) -> Unit | None:
        """The first that memory holds beside what runs; those that it does not even hold alone are set aside."""
        passed, found = [], None
        while found is None and self._ready[False]:
            entry = heapq.heappop(self._ready[False])
            unit = self._units[entry[1]]
            memory = self._demand(unit).memory
            if memory > self._room:
                self._refused.append(unit)
            elif memory and self._running and memory > self._room - self._taken:
                passed.append(entry)
            else:
                found = unit
        for entry in passed:
            heapq.heappush(self._ready[False], entry)
        return found

    def _demand(self, unit: Unit) -> Demand:
        return self._demands.get(unit.key, _NOTHING)

    def _make_ready(self, place: int) -> None:
        unit = self._units[place]
        heapq.heappush(self._ready[find_stage(unit.stage).exclusive], (-self._demand(unit).length, place))

    def _release(self, unit: Unit, outcome: Outcome) -> Iterator[tuple[Unit, Outcome]]:
        for place in self._waiting.pop(unit.key, ()):
            waiting = self._units[place]
            if self._needs[waiting.key] < 0:  # blocked by another need already
                continue
            if outcome.status != "done":
                self._needs[waiting.key] = -1
                yield waiting, blocked(outcome)
                yield from self._release(waiting, blocked(outcome))
                continue
            self._needs[waiting.key] -= 1
            if not self._needs[waiting.key]:
                self._make_ready(place)
