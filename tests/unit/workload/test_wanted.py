"""What must be done about pods, whatever was done before."""

from entente.workload.deadlines import next_deadline
from entente.workload.wanted import NOTHING, wanted
from tests.support.workloads import NOW, at, gang, job, status, worker


def _names(pods: object) -> set[str]:
    assert isinstance(pods, tuple)
    return {pod.name for pod in pods}


def test_a_starting_gang_gets_the_workers_that_it_does_not_have() -> None:
    of = job(status("Starting", {"a": 2, "b": 1}))
    work = wanted(of, gang(of, {"a": 2, "b": 1}), (worker(of, 1),), NOW, made=["train-0-2"])
    assert work.create == ((0, "a"),)
    assert work.delete == ()


def test_a_running_gang_gets_no_workers() -> None:
    of = job(status("Running", {"a": 2}))
    assert wanted(of, gang(of, {"a": 2}), (worker(of, 1),), NOW).is_nothing


def test_a_stopping_gang_is_told_to_end_within_what_is_left_of_its_grace() -> None:
    of = job({**status("Stopping", {"a": 3}), "stopping": {"since": at(-10), "until": at(20)}})
    pods = (worker(of, 0), worker(of, 1, deleting=True), worker(of, 2, phase="Succeeded"))
    work = wanted(of, None, pods, NOW)
    assert _names(work.delete) == {"train-0-0"}
    assert work.grace_s == 20
    late = wanted(of, None, pods, NOW + 100)
    assert late.grace_s == 1


def test_a_waiting_job_keeps_no_worker_but_one_that_may_be_its_next_start() -> None:
    of = job({"starts": 2})
    pods = (worker(of, 0, start=1), worker(of, 0, start=2))
    assert _names(wanted(of, None, pods, NOW).delete) == {"train-1-0"}


def test_ended_workers_of_the_last_start_are_kept_for_their_logs_and_older_ones_go() -> None:
    of = job({**status("Starting"), "starts": 3})
    pods = tuple(worker(of, 0, start=number, phase="Failed") for number in (0, 1, 2))
    assert _names(wanted(of, None, pods, NOW).delete) == {"train-0-0"}


def test_a_living_worker_of_an_earlier_start_goes() -> None:
    of = job({**status("Running"), "starts": 2})
    pods = (worker(of, 0), worker(of, 0, start=0))
    assert _names(wanted(of, None, pods, NOW).delete) == {"train-0-0"}


def test_a_failed_job_ends_its_workers_and_a_finished_one_goes_after_its_time() -> None:
    failed = job({"phase": "Failed", "starts": 1, "completionTime": at(-60)}, ttlSecondsAfterFinished=60)
    work = wanted(failed, None, (worker(failed, 0), worker(failed, 1, phase="Failed")), NOW)
    assert _names(work.delete) == {"train-0-0"}
    assert work.remove_job
    kept = job({"phase": "Succeeded", "completionTime": at(-60)}, ttlSecondsAfterFinished=61)
    assert not wanted(kept, None, (), NOW).remove_job
    assert not wanted(job({"phase": "Succeeded", "completionTime": at(-60)}), None, (), NOW + 10**9).remove_job


def test_a_job_that_is_being_deleted_is_left_to_the_garbage_collector() -> None:
    of = job(status("Running"), meta={"deletionTimestamp": at(0)})
    assert wanted(of, None, (worker(of, 0),), NOW) is NOTHING


DEADLINES = {
    "waiting": (job(), None),
    "waiting after a failure": (job({"backoffUntil": at(30)}), 30),
    "held": (job({"hold": {"pool": "h100", "nodes": {"a": 1}, "since": at(0), "until": at(45)}}), 45),
    "starting": (job(status("Starting")), 501),
    "running": (job(status("Running")), None),
    "running with a limit": (job(status("Running", runSeconds=10), maxSeconds=200), 100),
    "finished": (job({"phase": "Failed", "completionTime": at(-5)}, ttlSecondsAfterFinished=60), 55),
    "finished and kept": (job({"phase": "Failed", "completionTime": at(-5)}), None),
}


def test_when_a_job_is_looked_at_again() -> None:
    for name, (of, expected) in DEADLINES.items():
        found = next_deadline(of, NOW, 600)
        assert (found if found is None else round(found - NOW)) == expected, name
