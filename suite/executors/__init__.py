"""Where units are done. An executor takes the plan's open units and yields (unit, outcome) as they end."""

from collections.abc import Callable, Iterator

from suite.stages import Outcome
from suite.unit import Unit

Report = Callable[[Unit, int, int, str], None]
# run_units(units, finished, *, out, device, jobs, environment, report, stop, demands, room)
RunUnits = Callable[..., Iterator[tuple[Unit, Outcome]]]
