"""Which unit may begin next: in plan order, each after what it needs, units that measure time by themselves."""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence

from suite.stages import Outcome, blocked, find_stage
from suite.unit import Unit


class Queue:
    """Open units. `next` gives one that may begin, `ended` tells how it went; both take logarithmic time."""

    def __init__(self, units: Sequence[Unit], finished: set[str]):
        """units: in plan order. finished: keys of units that are done already (what an upstream may refer to)."""
        self._units = list(units)
        self._needs: dict[str, int] = {}  # how many upstream units have not ended
        self._waiting: defaultdict[str, list[int]] = defaultdict(list)  # upstream key -> places of units
        self._ready: dict[bool, list[int]] = {False: [], True: []}  # exclusive? -> heap of places
        self._running = 0
        self._exclusive_running = False
        for place, unit in enumerate(self._units):
            needs = [up.key for up in unit.upstream if up.key not in finished]
            self._needs[unit.key] = len(needs)
            for key in needs:
                self._waiting[key].append(place)
            if not needs:
                heapq.heappush(self._ready[find_stage(unit.stage).exclusive], place)

    def next(self) -> Unit | None:
        """A unit that may begin now, or None while all of them wait for one at work.

        A unit that measures time begins when nothing else can, and nothing begins beside it.
        """
        if self._exclusive_running:
            return None
        exclusive = not self._ready[False]
        if not self._ready[exclusive] or (exclusive and self._running):
            return None
        self._running += 1
        self._exclusive_running = exclusive
        return self._units[heapq.heappop(self._ready[exclusive])]

    def ended(self, unit: Unit, outcome: Outcome) -> Iterator[tuple[Unit, Outcome]]:
        """A unit that `next` gave has ended. Yields the units that can never begin because of it.

        A stopped unit blocks nobody: the run is about to end, and the next one goes on from there.
        """
        self._running -= 1
        self._exclusive_running = False
        if outcome.status != "stopped":
            yield from self._release(unit, outcome)

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
                heapq.heappush(self._ready[find_stage(waiting.stage).exclusive], place)
