import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from entente.kube.backoff import Backoff
from entente.kube.bucket import TokenBucket
from entente.kube.client import KubeClient
from entente.kube.events import Drop, EventRecorder, EventType, ObjectRef
from entente.kube.kinds import NODE, TRAINING_JOB
from tests.support.apiserver import ApiServer, Fault
from tests.support.clock import FakeClock
from tests.unit.kube.conftest import MakeClient

JOB = ObjectRef(TRAINING_JOB, "llm", "a", "uid-1")
EPOCH = datetime(2026, 11, 24, 10, tzinfo=UTC)
NORMAL, WARNING = EventType.NORMAL, EventType.WARNING


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(0.0)


@pytest.fixture
def recorder(client: KubeClient, clock: FakeClock) -> EventRecorder:
    return make_recorder(client, clock)


def make_recorder(client: KubeClient, clock: FakeClock, **options: object) -> EventRecorder:
    return EventRecorder(
        client,
        "entente-0",
        clock=clock,
        wall=lambda: EPOCH + timedelta(seconds=clock.now),
        sleep=clock.sleep,
        **{"bucket": TokenBucket(1000.0, 1000, clock=clock), **options},  # type: ignore[arg-type] # as EventRecorder takes them
    )


async def test_an_event_is_what_kubectl_describe_shows(api: ApiServer, recorder: EventRecorder) -> None:
    recorder.record(JOB, NORMAL, "Started", "8 workers on 8 hosts")
    await recorder.flush()

    (event,) = api.objects.values()
    assert event["involvedObject"] == {
        "apiVersion": "entente.dev/v1alpha1",
        "kind": "TrainingJob",
        "name": "llm",
        "namespace": "a",
        "uid": "uid-1",
    }
    wanted = {
        "type": "Normal",
        "reason": "Started",
        "message": "8 workers on 8 hosts",
        "count": 1,
        "firstTimestamp": "2026-11-24T10:00:00Z",
        "lastTimestamp": "2026-11-24T10:00:00Z",
        "reportingInstance": "entente-0",
    }
    assert {name: event[name] for name in wanted} == wanted
    assert event["metadata"]["namespace"] == "a"
    assert event["metadata"]["name"].startswith("llm.")


async def test_an_event_about_a_cluster_scoped_object_is_in_the_default_namespace(
    api: ApiServer, recorder: EventRecorder
) -> None:
    recorder.record(ObjectRef(NODE, "n1", uid="u"), WARNING, "Suspect", "three workers died on it")
    await recorder.flush()

    (event,) = api.objects.values()
    assert event["metadata"]["namespace"] == "default"
    assert "namespace" not in event["involvedObject"]


async def test_the_same_words_about_the_same_object_are_one_write_while_they_wait(
    api: ApiServer, recorder: EventRecorder, clock: FakeClock
) -> None:
    for _ in range(1000):
        recorder.record(JOB, WARNING, "Backoff", "worker 3 died")
        clock.now += 1
    await recorder.flush()

    (event,) = api.objects.values()
    assert (event["count"], event["firstTimestamp"], event["lastTimestamp"]) == (
        1000,
        "2026-11-24T10:00:00Z",
        "2026-11-24T10:16:39Z",
    )
    assert len(api.requests) == 1


async def test_the_same_words_later_count_the_same_event_up(
    api: ApiServer, recorder: EventRecorder, clock: FakeClock
) -> None:
    for _ in range(3):
        recorder.record(JOB, WARNING, "Backoff", "worker 3 died")
        await recorder.flush()
        clock.now += 60

    (event,) = api.objects.values()
    assert (event["count"], event["lastTimestamp"]) == (3, "2026-11-24T10:02:00Z")
    assert [request.method for request in api.requests] == ["POST", "PATCH", "PATCH"]


@pytest.mark.parametrize("lost", ["forgotten by the server", "too old to be counted up"])
async def test_an_event_that_is_gone_is_made_anew(
    api: ApiServer, recorder: EventRecorder, clock: FakeClock, lost: str
) -> None:
    recorder.record(JOB, NORMAL, "Started", "again")
    await recorder.flush()
    if lost == "forgotten by the server":
        api.objects.clear()
    else:
        clock.now += 3000
    recorder.record(JOB, NORMAL, "Started", "again")
    await recorder.flush()

    assert len({request.json["metadata"]["name"] for request in api.seen("POST")}) == 2
    assert all(event["count"] == 1 for event in api.objects.values())


async def test_other_words_objects_or_types_are_other_events(api: ApiServer, recorder: EventRecorder) -> None:
    recorder.record(JOB, NORMAL, "Started", "one")
    recorder.record(JOB, NORMAL, "Started", "two")
    recorder.record(JOB, WARNING, "Started", "one")
    recorder.record(ObjectRef(TRAINING_JOB, "llm", "a", "uid-2"), NORMAL, "Started", "one")
    await recorder.flush()

    assert len(api.objects) == 4


async def test_a_storm_is_bounded_in_memory_and_counted(client: KubeClient, clock: FakeClock) -> None:
    recorder = make_recorder(client, clock, capacity=100, per_object=8)
    for number in range(50):
        recorder.record(JOB, WARNING, "Wait", f"short of {number}")
    for number in range(500):
        recorder.record(ObjectRef(TRAINING_JOB, f"j{number}", "a", f"u{number}"), NORMAL, "Started", "yes")

    assert recorder.waiting == 100
    assert recorder.dropped == {Drop.OBJECT: 42, Drop.FULL: 408}


async def test_what_one_object_may_say_comes_back_when_it_was_written(
    api: ApiServer, client: KubeClient, clock: FakeClock
) -> None:
    recorder = make_recorder(client, clock, per_object=1)
    for note in ("one", "two"):
        recorder.record(JOB, NORMAL, "Started", note)
        recorder.record(JOB, NORMAL, "Started", note + " too many")
        await recorder.flush()

    assert [event["message"] for event in api.objects.values()] == ["one", "two"]


async def test_writes_are_no_faster_than_the_bucket(api: ApiServer, client: KubeClient, clock: FakeClock) -> None:
    recorder = make_recorder(client, clock, bucket=TokenBucket(2.0, 5, clock=clock), per_object=100)
    for number in range(25):
        recorder.record(JOB, NORMAL, "Started", str(number))
    await recorder.flush()

    assert len(api.objects) == 25
    assert clock.now == pytest.approx(10.0)


@pytest.mark.parametrize("fault", [Fault(403), Fault(500), Fault()], ids=["forbidden", "broken", "cut"])
async def test_a_refused_event_is_dropped_and_the_next_one_written(
    api: ApiServer, recorder: EventRecorder, fault: Fault
) -> None:
    api.fail("POST", fault)
    recorder.record(JOB, NORMAL, "Started", "one")
    recorder.record(JOB, NORMAL, "Started", "two")
    await recorder.flush()

    assert recorder.dropped == {Drop.FAILED: 1}
    assert [event["message"] for event in api.objects.values()] == ["two"]


async def test_who_does_not_lead_tells_nothing(api: ApiServer, make_client: MakeClient, clock: FakeClock) -> None:
    recorder = make_recorder(await make_client(fence=lambda: 0.0), clock)
    recorder.record(JOB, NORMAL, "Started", "one")
    await recorder.flush()

    assert recorder.dropped == {Drop.FENCED: 1}
    assert not api.requests


async def test_recording_never_waits_for_a_server_that_is_silent(
    api: ApiServer, make_client: MakeClient, clock: FakeClock
) -> None:
    recorder = make_recorder(await make_client(backoff=Backoff(patience_s=0.0)), clock)
    api.hold()
    task = asyncio.ensure_future(recorder.run())
    recorder.record(JOB, NORMAL, "Started", "one")
    await api.until(lambda: len(api.requests) == 1)
    for number in range(5):
        recorder.record(JOB, NORMAL, "Started", str(number))
    assert recorder.waiting == 5

    api.resume()
    await api.until(lambda: len(api.objects) == 6)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_names_and_notes_stay_within_what_kubernetes_takes(api: ApiServer, recorder: EventRecorder) -> None:
    recorder.record(ObjectRef(TRAINING_JOB, "x" * 219 + "." + "y" * 30, "a", "u"), NORMAL, "Started", "n" * 5000)
    await recorder.flush()

    (event,) = api.objects.values()
    assert len(event["metadata"]["name"]) <= 253
    assert ".." not in event["metadata"]["name"]
    assert len(event["message"]) == 1024
    assert event["message"].endswith("…")
