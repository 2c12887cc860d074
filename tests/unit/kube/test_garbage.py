import gc

import pytest

from entente.kube.garbage import collector_paused


def test_the_collector_rests_for_the_block_and_works_again_after_it_even_if_it_fails() -> None:
    with collector_paused():
        assert not gc.isenabled()
    assert gc.isenabled()

    with pytest.raises(KeyError), collector_paused():
        raise KeyError
    assert gc.isenabled()


def test_an_inner_block_does_not_end_the_outer_one() -> None:
    with collector_paused():
        with collector_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
