"""Who gained and who lost by sharing is said with figures and with the cause."""

import pytest

from demo import gains, virtual
from demo.claims import Claim
from demo.gains import Gain
from demo.trace import GUEST, OWNER
from demo.virtual import Rules
from tests.unit.demo.test_virtual import BORROWED_AND_TAKEN_BACK


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        pytest.param(
            Gain(OWNER, 20, 1.5, 1.25, 2, 9.0),
            [
                "xai lost 0.25 h of waiting for each job: 1.50 h shared, 1.25 h alone.",
                (
                    "2 of its 20 jobs waited until others had saved and gone, 4.5 s on average. At 400 times the speed "
                    "of life that is 0.05 h for each of its 20 jobs."
                ),
                (
                    "The other 0.20 h are 1.8 s for each job, in which the cluster notices, decides and starts. Alone "
                    "is computed, and takes no time for that."
                ),
            ],
            id="an owner that waits for its guest",
        ),
        pytest.param(
            Gain(GUEST, 100, 2.0, 6.0),
            [
                "anthropic gained 4.00 h of waiting for each job: 2.00 h shared, 6.00 h alone.",
                "It borrowed up to 120 GPUs that would have been idle.",
            ],
            id="a guest",
        ),
        pytest.param(
            Gain(OWNER, 1, 1.0, 1.001),
            ["xai waited as long as alone: 1.00 h shared, 1.00 h alone."],
            id="no difference",
        ),
    ],
)
def test_it_is_said_in_words(gain: Gain, said: list[str]) -> None:
    assert gains.told(gain, most_borrowed=120) == said


def test_only_claims_for_which_gpus_were_freed_were_a_cost_of_sharing() -> None:
    claims = [
        Claim("xai-training/a", 3.0, reclaimed=True),
        Claim("xai-training/b", 9.0, reclaimed=False),
        Claim("anthropic-research/c", 5.0, reclaimed=True),
    ]
    assert gains.reclaimed(claims, OWNER) == (3.0,)
    assert gains.reclaimed(claims, GUEST) == (5.0,)


def test_each_setting_is_replayed() -> None:
    found = gains.settings(BORROWED_AND_TAKEN_BACK, horizon_s=40_000.0, start_s=0.0)
    waited = {setting.what: setting.waited_h for setting in found}
    today = waited["as in this demo"]
    assert today[OWNER] == pytest.approx(800 / 3600)
    assert waited["`lendLimit: 64` of the owner: half of its GPUs are never lent"][OWNER] == 0.0
    assert waited["`lendLimit: 64` of the owner: half of its GPUs are never lent"][GUEST] > today[GUEST]


def test_settings_are_rules() -> None:
    assert all(virtual.manifests(Rules(**dict(changed))) for changed in gains.SETTINGS.values())  # type: ignore[arg-type] # each of its field's type
