"""What a job may start on at this moment, seen in whole decisions."""

import pytest

from entente.engine.decisions import Start, Wait
from entente.engine.model import Terms
from entente.engine.planner import decide
from tests.support.estates import Draft, estate

ALONE = estate().pool(hosts=2).tenant("a", 0).tenant("b", 0)
EXCLUSIVE = estate().pool(hosts=1, exclusive=True).tenant("a", 0).tenant("b", 0)


@pytest.mark.parametrize(
    ("draft", "nodes"),
    [
        pytest.param(ALONE.running("b/x", {"h100-0": 7, "h100-1": 8}), {"h100-0": 1}, id="the last GPU of a host"),
        pytest.param(
            ALONE.tenant("b", Terms(16, lend_limit=1)), {"h100-0": 1}, id="the only GPU that others do not keep back"
        ),
        pytest.param(ALONE.tenant("b", Terms(16, lend_limit=0)), None, id="others keep all back"),
        pytest.param(EXCLUSIVE.running("b/x", {"h100-0": 7}), None, id="beside another tenant on an exclusive host"),
        pytest.param(EXCLUSIVE.stopping("b/x", {"h100-0": 7}), None, id="beside what another tenant has not left yet"),
        pytest.param(
            EXCLUSIVE.running("a/y", {"h100-0": 7}), {"h100-0": 1}, id="beside its own tenant on an exclusive host"
        ),
    ],
)
def test_a_gpu_is_used_as_long_as_one_is_free_for_the_job(draft: Draft, nodes: dict[str, int] | None) -> None:
    mine = next(d for d in decide(draft.pending("a/x").snapshot()).decisions if d.job == "a/x")
    if nodes is None:
        assert isinstance(mine, Wait)
    else:
        assert isinstance(mine, Start)
        assert mine.nodes == nodes
