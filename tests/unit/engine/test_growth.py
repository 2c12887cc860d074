"""When elastic jobs grow, and into what."""

import pytest

from entente.api.tenant import WhenSpent
from entente.engine.decisions import Grow
from entente.engine.model import Terms
from entente.engine.planner import decide
from tests.support.estates import NOW, RACK, Draft, JobFields, estate

PLAIN = estate().pool(hosts=2).tenant("anthropic", 8).tenant("xai", 8)
LONG_AGO: JobFields = {"gpus_per_worker": 2}


def elastic(draft: Draft = PLAIN, *, most: int = 8, ran_s: float = 3600.0) -> Draft:
    """A job of two workers of two GPUs each on the first host, that could have more."""
    return draft.running("anthropic/x", {"h100-0": 2}, elastic=(1, most), ran_s=ran_s, **LONG_AGO)


def grown(draft: Draft) -> dict[str, int] | None:
    """Where the job will be; none when it does not grow."""
    growths = [d for d in decide(draft.snapshot()).decisions if isinstance(d, Grow)]
    assert len(growths) <= 1
    return dict(growths[0].nodes) if growths else None


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        pytest.param(elastic(), {"h100-0": 4, "h100-1": 4}, id="up to its most"),
        pytest.param(elastic(most=3), {"h100-0": 3}, id="not beyond it"),
        pytest.param(elastic(most=2), None, id="it has its most"),
        pytest.param(elastic(ran_s=599.0), None, id="it restarted less than the minimum runtime ago"),
        pytest.param(elastic(PLAIN.tenant("anthropic", Terms(4, borrow_limit=3))), {"h100-0": 3}, id="up to its limit"),
        pytest.param(elastic(PLAIN.tenant("anthropic", Terms(4, borrow_limit=0))), None, id="it is at its limit"),
        pytest.param(
            elastic(PLAIN.tenant("xai", Terms(8, lend_limit=2))),
            {"h100-0": 4, "h100-1": 1},
            id="not into what is kept back",
        ),
        pytest.param(
            elastic(PLAIN.tenant("anthropic", 8, spent=WhenSpent.GUARANTEE_ONLY)), {"h100-0": 4}, id="a spent budget"
        ),
        pytest.param(
            elastic(PLAIN.tenant("anthropic", 8, spent=WhenSpent.BLOCK)), None, id="nothing with a blocked one"
        ),
        pytest.param(elastic(PLAIN.running("xai/y", {"h100-1": 8})), {"h100-0": 4}, id="into what nobody uses"),
        pytest.param(elastic(PLAIN.pending("xai/y", workers=8)), {"h100-0": 4}, id="not into what somebody waits for"),
        pytest.param(
            elastic(PLAIN.node("h100-0", usable=False)), None, id="it would have to restart on a cordoned host"
        ),
        pytest.param(
            elastic(PLAIN.running("xai/y", {"h100-1": 8}, max_s=4000.0).pending("xai/z", gpus_per_worker=8)),
            {"h100-0": 4},
            id="a reservation elsewhere does not keep it from growing",
        ),
    ],
)
def test_growth(draft: Draft, expected: dict[str, int] | None) -> None:
    assert grown(draft) == expected


@pytest.mark.parametrize(
    ("unsaved_s", "grows"),
    [pytest.param(3000.0, True, id="worth it"), pytest.param(3300.0, False, id="as much as it loses: not worth it")],
)
def test_growth_must_be_worth_its_restart(unsaved_s: float, *, grows: bool) -> None:
    draft = PLAIN.running("xai/y", {"h100-1": 8}).running(
        "anthropic/x",
        {"h100-0": 2},
        elastic=(1, 4),
        gpus_per_worker=2,
        workers=2,
        last_checkpoint=NOW - unsaved_s,
        ran_s=4000.0,
    )
    assert (grown(draft) is not None) is grows


def test_a_gang_that_must_be_in_one_rack_grows_in_it() -> None:
    draft = estate().pool(hosts=4, racks=2).tenant("anthropic", 32)
    wide = draft.running("anthropic/x", {"h100-2": 2}, elastic=(1, 9), gpus_per_worker=4, level=RACK, required=True)
    assert grown(wide) == {"h100-2": 2, "h100-3": 2}


def test_an_exclusive_host_of_another_tenant_is_not_grown_into() -> None:
    draft = estate().pool(hosts=3, exclusive=True).tenant("anthropic", 8).tenant("xai", 8)
    busy = elastic(draft.running("xai/y", {"h100-1": 1}), most=8)
    assert grown(busy) == {"h100-0": 4, "h100-2": 4}


def test_the_lower_share_of_the_due_grows_first() -> None:
    draft = estate().pool(hosts=3).tenant("anthropic", 8).tenant("xai", 8)
    both = draft.running("anthropic/x", {"h100-0": 8}, elastic=(1, 16)).running("xai/y", {"h100-1": 6}, elastic=(1, 16))
    plan = decide(both.snapshot())
    sizes = {d.job: d.workers for d in plan.decisions if isinstance(d, Grow)}
    assert sizes["xai/y"] == 16
