"""The acts follow one another as the cluster changes, and are never left for an earlier one."""

from demo.picture import Picture
from demo.story import Act, Story
from demo.trace import OWNER
from tests.support.demo import job, picture

EVICTION = {"at": "2026-03-01T10:00:00Z", "pool": "h100", "cause": "Guarantee"}

GUEST_ALONE = picture(job("a", phase="Running", nodes={"n0": 1}), guest={"entitled": 8})
GUEST_BORROWS = picture(
    job("a", phase="Running", workers=3, nodes={"n0": 1, "n1": 1, "n2": 1}),
    guest={"entitled": 16, "borrowed": 8},
    owner={"lent": 8},
)
GUEST_HAS_ALL = picture(
    job("a", phase="Running", workers=4, nodes={"n0": 1, "n1": 1, "n2": 1, "n3": 1}),
    guest={"entitled": 16, "borrowed": 16},
    owner={"lent": 16},
)
OWNER_RETURNS = picture(
    job("a", phase="Running", workers=3, nodes={"n0": 1, "n1": 1, "n2": 1}),
    job("b", OWNER, phase="Running", nodes={"n3": 1}),
    job("c", evictions=[EVICTION]),
    guest={"entitled": 16, "borrowed": 8},
)
OWNER_HAS_ITS_HALF = picture(
    job("a", phase="Running", workers=2, nodes={"n0": 1, "n1": 1}),
    job("b", OWNER, phase="Running", workers=2, nodes={"n2": 1, "n3": 1}),
    job("c", evictions=[EVICTION]),
    guest={"entitled": 16},
)


def told(*pictures: Picture) -> Story:
    story = Story()
    for seconds, shown in enumerate(pictures):
        story.follow(shown, float(seconds))
    return story


def test_the_guest_fills_the_idle_half_and_the_owner_takes_it_back() -> None:
    story = told(GUEST_ALONE, GUEST_BORROWS, GUEST_HAS_ALL, OWNER_RETURNS, OWNER_HAS_ITS_HALF)
    assert story.reached == {Act.ARRIVES: 0, Act.BORROWS: 1, Act.FILLS: 2, Act.RETURNS: 3, Act.RESTORED: 4}


def test_acts_that_passed_between_two_pictures_are_not_missed() -> None:
    assert told(GUEST_ALONE, OWNER_RETURNS).act is Act.RETURNS


def test_the_story_does_not_go_back() -> None:
    assert told(GUEST_HAS_ALL, GUEST_ALONE).act is Act.FILLS


def test_nothing_is_told_of_a_quiet_cluster() -> None:
    assert told(picture(), GUEST_ALONE).act is Act.ARRIVES


def test_peaks_are_kept() -> None:
    story = told(GUEST_HAS_ALL, OWNER_HAS_ITS_HALF, GUEST_ALONE)
    assert (story.most_borrowed, story.most_lent, story.owner_peak) == (16, 16, 16)


def test_each_banner_has_the_numbers_of_its_act() -> None:
    banners = {Story().banner(GUEST_ALONE)}
    banners |= {
        told(*pictures).banner(pictures[-1])
        for pictures in (
            (GUEST_BORROWS,),
            (GUEST_HAS_ALL,),
            (GUEST_BORROWS, OWNER_RETURNS),
            (GUEST_BORROWS, OWNER_RETURNS, OWNER_HAS_ITS_HALF),
            (GUEST_BORROWS, OWNER_RETURNS, OWNER_HAS_ITS_HALF, OWNER_RETURNS),
        )
    }
    assert banners == {
        "anthropic submits its work; xai's half of the estate is idle: 8 of 32 GPUs in use",
        "anthropic fills the idle half: 24 GPUs, 8 borrowed from xai",
        "The estate is full: 16 of xai's 16 GPUs work for anthropic",
        "xai is back and takes its guarantee: 8 of 16 GPUs so far, 1 job told to save and make room",
        "xai has its guarantee back: 16 of 16 GPUs; anthropic goes on with 16",
        "xai has had its guarantee back and lends what it needs no more: 8 of 16 GPUs; anthropic goes on with 24",
    }
