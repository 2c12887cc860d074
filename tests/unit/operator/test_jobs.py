"""The store of jobs: what is news, what is late, what is gone."""

from __future__ import annotations

import pytest

from entente.operator.jobs import JobStore
from tests.support import manifests
from tests.support.workloads import NAMESPACE, NOW, UID

KEY = f"{NAMESPACE}/train"


def body(version: int = 1, uid: str = UID, **changes: object) -> manifests.Manifest:
    made = manifests.job("train", NAMESPACE)
    made["metadata"].update({"uid": uid, "resourceVersion": str(version), "generation": 1})
    return manifests.changed(made, **changes)


@pytest.fixture
def store() -> JobStore:
    made = JobStore()
    made.see(body(5), NOW)
    made.touched.clear()
    made.news = False
    return made


def test_a_new_job_is_news(store: JobStore) -> None:
    fresh = body(6, uid="other", metadata__name="second")
    assert store.see(fresh, NOW)
    assert store.touched == {f"{NAMESPACE}/second"}
    assert store.news


@pytest.mark.parametrize("version", [4, 5])
def test_what_was_known_already_is_not_looked_at(store: JobStore, version: int) -> None:
    assert not store.see(body(version), NOW)
    assert store.touched == set()


def test_an_edit_is_news_and_an_echo_of_a_status_is_not(store: JobStore) -> None:
    store.see(body(6), NOW)
    assert (store.touched, store.news) == ({KEY}, False)
    store.see(body(7, metadata__generation=2, spec__workers=3), NOW)
    assert store.news
    tracked = store.get(KEY)
    assert tracked is not None
    assert tracked.job.spec.workers == 3


def test_a_job_made_again_under_the_same_name_is_another(store: JobStore) -> None:
    store.see(body(9, uid="second"), NOW)
    assert store.by_uid(UID) is None
    assert store.by_uid("second") is store.get(KEY)
    store.see(body(8), NOW)
    assert store.by_uid("second") is store.get(KEY), "a late event brought the first one back"


def test_a_deleted_job_stays_gone(store: JobStore) -> None:
    store.gone(body(6))
    assert store.get(KEY) is None
    assert store.news
    assert not store.see(body(7), NOW)


def test_the_end_of_the_first_does_not_end_the_second_of_the_same_name(store: JobStore) -> None:
    store.see(body(9, uid="second"), NOW)
    store.gone(body(8))
    assert store.by_uid("second") is store.get(KEY)


def test_a_complete_list_drops_what_is_not_in_it_and_not_newer(store: JobStore) -> None:
    newer = body(20, uid="newer", metadata__name="newer")
    store.see(newer, NOW)
    store.keep_only(set(), version=10)
    assert store.get(KEY) is None
    assert store.get(f"{NAMESPACE}/newer") is not None


def test_a_job_that_cannot_be_read_keeps_what_was_known_and_stops_nobody(store: JobStore) -> None:
    broken = body(6, metadata__generation=2, spec__workers="many")
    assert not store.see(broken, NOW)
    assert KEY in store.unreadable
    assert "workers" in store.unreadable[KEY][1]
    tracked = store.get(KEY)
    assert tracked is not None
    assert tracked.job.spec.workers == 1
    store.see(body(7, metadata__generation=3), NOW)
    assert store.unreadable == {}


def test_the_spec_is_read_again_only_when_it_has_changed(store: JobStore) -> None:
    before = store.get(KEY)
    assert before is not None
    spec = before.job.spec
    store.see({**body(6), "status": {"phase": "Suspended"}}, NOW)
    after = store.get(KEY)
    assert after is not None
    assert after.job.spec is spec
    assert after.job.status.phase == "Suspended"
