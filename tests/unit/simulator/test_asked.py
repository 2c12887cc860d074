import random

from entente.simulator.asked import Asked, Place


def by_hand(guaranteed: int, used: int, pending: dict[Place, int]) -> dict[Place, int]:
    """The entitled ones: first fit in the order of submission."""
    left, found = guaranteed - used, {}
    for place in sorted(pending):
        if pending[place] <= left:
            found[place] = pending[place]
            left -= pending[place]
    return found


def test_a_job_inside_the_guarantee_is_missing_until_it_runs() -> None:
    asked = Asked(8)
    asked.wait((0.0, 0), 4, 10.0)
    assert (asked.missing, asked.entitled, asked.entitled_since((0.0, 0))) == (4, 4, 10.0)
    asked.start((0.0, 0), 4, 20.0)
    assert (asked.missing, asked.entitled, asked.used, asked.pending) == (0, 4, 4, 0)


def test_a_job_that_does_not_fit_is_passed_by_a_smaller_one() -> None:
    asked = Asked(8)
    asked.wait((0.0, 0), 16, 0.0)
    asked.wait((1.0, 1), 8, 1.0)
    assert (asked.missing, asked.pending) == (8, 24)
    assert asked.entitled_since((0.0, 0)) is None


def test_what_runs_beyond_the_guarantee_is_not_entitled() -> None:
    asked = Asked(8)
    asked.wait((0.0, 0), 12, 0.0)
    asked.start((0.0, 0), 12, 0.0)
    asked.wait((1.0, 1), 1, 1.0)
    assert (asked.entitled, asked.missing) == (8, 0)
    asked.end(12, 2.0)
    assert (asked.entitled, asked.missing, asked.entitled_since((1.0, 1))) == (1, 1, 2.0)


def test_after_any_changes_it_is_what_a_walk_by_hand_finds() -> None:
    draws = random.Random(7)  # noqa: S311 - a sample for a test
    for _ in range(200):
        guaranteed = draws.choice((0, 4, 8, 20))
        asked, pending, running = Asked(guaranteed), dict[Place, int](), dict[Place, int]()
        for step in range(60):
            kind = draws.random()
            if kind < 0.45:
                place = (float(step), step)
                pending[place] = draws.choice((1, 1, 2, 4, 8))
                asked.wait(place, pending[place], float(step))
            elif kind < 0.75 and pending:
                place = draws.choice(sorted(pending))
                gpus = pending.pop(place)
                running[place] = gpus
                asked.start(place, gpus, float(step))
            elif running:
                place = draws.choice(sorted(running))
                gpus = running.pop(place)
                asked.end(gpus, float(step))
                if kind > 0.9:  # told to stop: it comes back to its old place
                    pending[place] = gpus
                    asked.wait(place, gpus, float(step))
            entitled = by_hand(guaranteed, sum(running.values()), pending)
            assert asked.missing == sum(entitled.values())
            assert {p for p in pending if asked.entitled_since(p) is not None} == set(entitled)
            assert (asked.used, asked.pending) == (sum(running.values()), sum(pending.values()))
