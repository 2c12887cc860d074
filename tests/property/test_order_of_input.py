"""The same snapshot in any order of its parts gives the same plan, byte for byte."""

import json

from hypothesis import given
from hypothesis import strategies as st

from entente.cli.plan_output import as_json
from entente.engine.planner import decide
from tests.support.drawn import estates, jobs
from tests.support.estates import Draft, shuffled
from tests.support.virtual import World


@given(draft=estates(), data=st.data(), seed=st.integers(0, 1_000_000))
def test_the_order_of_the_input_does_not_matter(draft: Draft, data: st.DataObject, seed: int) -> None:
    world = World(draft.snapshot())
    tenants = sorted(world.snapshot.tenants)
    for number in range(data.draw(st.integers(2, 12), label="jobs")):
        job, length = data.draw(jobs(f"{data.draw(st.sampled_from(tenants))}/job-{number}", world.now))
        world.put(job)
        world.lengths[job.key] = length
        if number % 4 == 0:
            world.decide()
            world.advance(world.now + data.draw(st.sampled_from((1.0, 60.0, 900.0))))
    expected = decide(world.snapshot)
    found = decide(shuffled(world.snapshot, seed))
    assert found == expected
    assert json.dumps(as_json(found)) == json.dumps(as_json(expected))
