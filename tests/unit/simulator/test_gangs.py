import pytest

from entente.simulator.gangs import gang


@pytest.mark.parametrize(
    ("gpus", "host", "expected"),
    [
        pytest.param(1, 8, (1, 1), id="one GPU"),
        pytest.param(5, 8, (1, 5), id="part of a host"),
        pytest.param(8, 8, (1, 8), id="a host"),
        pytest.param(16, 8, (2, 8), id="whole hosts"),
        pytest.param(20, 8, (5, 4), id="two hosts and a half"),
        pytest.param(12, 8, (3, 4), id="a host and a half"),
        pytest.param(9, 8, (9, 1), id="odd"),
        pytest.param(64, 6, (16, 4), id="hosts that are no power of two"),
        pytest.param(3, 1, (3, 1), id="hosts of one GPU"),
    ],
)
def test_a_job_is_cut_into_equal_workers(gpus: int, host: int, expected: tuple[int, int]) -> None:
    assert gang(gpus, host) == expected


def test_nothing_is_lost_and_every_worker_fits() -> None:
    for host in range(1, 17):
        for gpus in range(1, 200):
            workers, each = gang(gpus, host)
            assert workers * each == gpus
            assert each <= host
