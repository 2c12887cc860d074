"""One decision: holds first, then entitled claims, then borrowers, then growth; whoever is left waits for a reason."""

from entente.engine.cycle import begin
from entente.engine.decisions import Plan
from entente.engine.growth import grow_all
from entente.engine.holding import start_held
from entente.engine.model import Snapshot
from entente.engine.serving import Unplaced, serve
from entente.engine.state import State
from entente.engine.verdict import Verdict, opened
from entente.engine.walk import BORROWED, ENTITLED


def decide(snapshot: Snapshot) -> Plan:
    """Decide about a snapshot. The same snapshot gives the same plan, byte for byte."""
    return decide_on(State(snapshot), snapshot.now).plan()


def decide_on(state: State, now: float) -> Verdict:
    """Decide about a state as it is at this moment. The state is changed until the verdict is closed."""
    state.estate.watch()
    cycle, unplaced = opened(begin(state, now)), Unplaced()
    start_held(cycle)
    for class_ in (ENTITLED, BORROWED):
        serve(cycle, unplaced, class_)
    grow_all(cycle)
    return Verdict(cycle, unplaced)
