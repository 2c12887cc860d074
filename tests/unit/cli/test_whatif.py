"""`entente plan --with --set`: what a change would make of a plan, in words and as JSON."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from entente.cli import whatif
from entente.cli.documents import read
from entente.cli.main import main
from entente.cli.options import Access
from entente.cli.paths import parsed
from entente.engine.intake import snapshot
from entente.engine.invariants import check_invariants
from entente.engine.planner import decide
from tests.support import manifests
from tests.support.eventful import estate as eventful
from tests.support.manifests import Manifest, changed
from tests.support.recorded import Recorded

NOW = "2026-11-23T12:00:00Z"
RACK = "topology.entente.dev/rack"
POOL = manifests.pool(
    topology=[RACK, "kubernetes.io/hostname"], simulated={"nodes": 4, "gpusPerNode": 8, "domains": [2]}
)
LENDER = manifests.tenant("xai", pools=[{"name": "h100", "guaranteed": 16}])
GUEST = manifests.tenant("anthropic", pools=[{"name": "h100", "guaranteed": 16}])


def at_work(name: str, namespace: str, *hosts: str, **spec: object) -> Manifest:
    """A job of eight GPUs on each host, which began an hour ago and last saved half an hour ago."""
    status = {
        "phase": "Running",
        "allocation": {
            "pool": "h100",
            "workers": len(hosts),
            "gpus": 8 * len(hosts),
            "class": "Entitled",
            "nodes": dict.fromkeys(hosts, 1),
        },
        "startTime": "2026-11-23T11:00:00Z",
        "lastCheckpoint": "2026-11-23T11:30:00Z",
    }
    return {**manifests.job(name, namespace, workers=len(hosts), **spec), "status": status}


SUSPENDED = {
    **manifests.job("llm", "anthropic-research", workers=2, topology={"level": RACK, "mode": "Required"}, suspend=True),
    "status": {"phase": "Suspended"},
}
IDLE = (POOL, LENDER, GUEST, SUSPENDED)
BUSY = (
    POOL,
    LENDER,
    GUEST,
    at_work("a", "anthropic-research", "h100-0000", "h100-0001"),
    at_work("b", "anthropic-research", "h100-0002"),
    at_work("c", "anthropic-research", "h100-0003"),
)


def what_if(folder: Path, estate: Sequence[Manifest], *args: str, extra: Sequence[Manifest] = ()) -> Result:
    """The answer about an estate, with objects of another file given by `--with` where there are some."""
    (folder / "estate.yaml").write_text(yaml.safe_dump_all(estate), encoding="utf-8")
    given = ["plan", "--now", NOW, "-f", str(folder / "estate.yaml"), *args]
    return CliRunner().invoke(main, [*given, "--with", "-"] if extra else given, input=yaml.safe_dump_all(extra))


def sentences(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    found: list[str] = json.loads(result.stdout)["difference"]["sentences"]
    return found


CASES: dict[str, tuple[Sequence[Manifest], tuple[str, ...], Sequence[Manifest], list[str]]] = {
    "a suspended job is queued": (
        IDLE,
        ("--set", "jobs.anthropic-research/llm.suspend=false"),
        (),
        [
            (
                "anthropic-research/llm would start at once on 2 hosts of rack 0; today it waits (Suspended); "
                "nobody is told to stop."
            ),
            "Pool h100: free 16 GPUs (today 32).",
            "Pool h100, tenant anthropic: entitled 16 GPUs (today 0).",
        ],
    ),
    "a new job takes the guarantee back": (
        BUSY,
        (),
        (manifests.job("claim", "xai-research"),),
        [
            "xai-research/claim would have 8 GPUs freed for it on host h100-0002, within 5m.",
            (
                "anthropic-research/b would be told to save and stop for xai-research/claim, which its tenant's "
                "guarantee covers: it gives 8 GPUs, and loses 4.7 GPU-hours, its next start included."
            ),
            "Pool h100, tenant xai: entitled 8 GPUs (today 0).",
        ],
    ),
    "a guarantee is lowered": (
        (*BUSY, manifests.job("claim", "xai-research")),
        ("--set", "tenants.xai.guaranteed=0", "--set", "pools.h100.minRuntimeSeconds=7200"),
        (),
        [
            "anthropic-research/b would keep all of its GPUs; today it is told to save and stop for xai",
            "xai-research/claim would wait (AboveFairShare); today GPUs are being freed for it. It asks for ",
            "Pool h100, tenant xai: guaranteed 0 GPUs (today 16), entitled 0 GPUs (today 8), lent 0 GPUs (today 16).",
        ],
    ),
    "a running job is suspended": (
        (*BUSY, manifests.job("next", "anthropic-research")),
        ("--set", "jobs.anthropic-research/b.suspend=true"),
        (),
        [
            "anthropic-research/b would save and stop. What follows holds once its 8 GPUs are free.",
            (
                "anthropic-research/next would start at once on host h100-0002, on borrowed GPUs; today it waits "
                "(NoFreeGPUs); nobody else is told to stop."
            ),
        ],
    ),
    "a job that starts gets a worker more on its host": (
        (POOL, LENDER, GUEST, manifests.job("llm", "anthropic-research", gpusPerWorker=1)),
        ("--set", "jobs.anthropic-research/llm.workers=2"),
        (),
        ["anthropic-research/llm would start with 2 workers instead of 1.", "Pool h100: free 30 GPUs (today 31)."],
    ),
    "a job that is there is made larger": (
        (POOL, LENDER, GUEST, manifests.job("llm", "anthropic-research")),
        (),
        (manifests.job("llm", "anthropic-research", workers=3),),
        [
            (
                "anthropic-research/llm would start with 3 workers instead of 1, on 3 hosts of pool h100 instead of "
                "host h100-0000, on borrowed GPUs."
            ),
            "Pool h100: free 8 GPUs (today 24).",
            "Pool h100, tenant anthropic: entitled 0 GPUs (today 8), borrowed 8 GPUs (today 0).",
            "Pool h100, tenant xai: lent 8 GPUs (today 0).",
        ],
    ),
    "a running job loses its tenant's guarantee": (
        BUSY,
        ("--set", "tenants.anthropic.guaranteed=8", "--set", "tenants.xai.guaranteed=0"),
        (),
        [
            "anthropic-research/a would run on borrowed GPUs; today its tenant's guarantee covers it.",
            "anthropic-research/b would be covered by its tenant's guarantee; today it runs on borrowed GPUs.",
            (
                "Pool h100, tenant anthropic: guaranteed 8 GPUs (today 16), entitled 8 GPUs (today 16), "
                "borrowed 24 GPUs (today 16)."
            ),
            "Pool h100, tenant xai: guaranteed 0 GPUs (today 16), lent 0 GPUs (today 16).",
        ],
    ),
    "a limit that leaves less to share": (
        BUSY,
        ("--set", "tenants.anthropic.borrowLimit=0"),
        (),
        ["The same jobs would start, wait and stop. Other figures of the pools change: `-o json` has them."],
    ),
    "a limit that binds nobody": (
        BUSY,
        ("--set", "tenants.anthropic.borrowLimit=64"),
        (),
        ["Nothing would change: the same jobs start, wait and stop."],
    ),
}


def half_a_host(name: str, host: str) -> Manifest:
    """A job of four GPUs, which began an hour ago and has just saved."""
    status = {
        "phase": "Running",
        "allocation": {"pool": "h100", "workers": 1, "gpus": 4, "class": "Entitled", "nodes": {host: 1}},
        "startTime": "2026-11-23T11:00:00Z",
        "lastCheckpoint": NOW,
    }
    return {**manifests.job(name, "anthropic-research", gpusPerWorker=4), "status": status}


SCATTERED = (
    manifests.pool(simulated={"nodes": 2, "gpusPerNode": 8}),
    GUEST,
    half_a_host("a", "h100-0000"),
    half_a_host("b", "h100-0001"),
)


def test_a_job_that_is_moved_is_told_with_its_place(tmp_path: Path) -> None:
    claim = manifests.job("claim", "anthropic-research")
    found = sentences(what_if(tmp_path, SCATTERED, "-o", "json", extra=(claim,)))
    moved = next(text for text in found if "would be moved" in text)
    assert moved.startswith(
        "anthropic-research/a would be moved to host h100-0001 to make room for anthropic-research/claim"
    )

    other = {**claim, "metadata": {**claim["metadata"], "name": "other"}}
    again = sentences(what_if(tmp_path, (*SCATTERED, claim), "-o", "json", extra=(other,)))
    assert not [text for text in again if "anthropic-research/a " in text], "it is moved as today"


@pytest.mark.parametrize(("estate", "args", "extra", "said"), CASES.values(), ids=CASES.keys())
def test_a_change_is_told_in_sentences(
    tmp_path: Path, estate: Sequence[Manifest], args: tuple[str, ...], extra: Sequence[Manifest], said: list[str]
) -> None:
    found = sentences(what_if(tmp_path, estate, *args, "-o", "json", extra=extra))
    assert [text[: len(start)] for text, start in zip(found, said, strict=True)] == said  # messages go on


@pytest.mark.parametrize(("estate", "args", "extra", "said"), CASES.values(), ids=CASES.keys())
def test_the_plan_of_a_changed_estate_keeps_the_invariants(
    tmp_path: Path, estate: Sequence[Manifest], args: tuple[str, ...], extra: Sequence[Manifest], said: list[str]
) -> None:
    del said
    moment = datetime.fromisoformat(NOW)
    for name, objects in (("estate.yaml", estate), ("extra.yaml", extra)):
        (tmp_path / name).write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    today, others = (read([str(tmp_path / name)]).inputs(moment) for name in ("estate.yaml", "extra.yaml"))
    it = whatif.changed(today, others, [parsed(text) for text in args if text != "--set"]).inputs
    seen = snapshot(it.moment, it.pools, it.tenants, it.jobs, it.nodes, it.pods)
    assert [*check_invariants(seen, decide(seen))] == []


def test_the_difference_is_printed_first_and_then_where_the_whole_plan_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = what_if(tmp_path, IDLE, "--set", "jobs.anthropic-research/llm.suspend=false")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("anthropic-research/llm would start at once on 2 hosts of rack 0;")
    assert lines[-1] == "The whole plan of the changed estate: add `-o json`."
    assert max(map(len, lines)) <= 80


def test_the_json_has_both_plans_as_they_are_without_a_change_and_what_differs(tmp_path: Path) -> None:
    alone = json.loads(what_if(tmp_path, IDLE, "-o", "json").stdout)
    found: dict[str, Any] = json.loads(
        what_if(tmp_path, IDLE, "--set", "jobs.anthropic-research/llm.suspend=false", "-o", "json").stdout
    )
    assert list(found) == ["difference", "plan", "today"]
    assert found["today"] == alone
    assert found["plan"].keys() == alone.keys()
    (start,) = found["plan"]["decisions"]
    assert start["action"] == "Start"
    assert found["difference"]["changed"] == ["jobs.anthropic-research/llm"]
    assert found["difference"]["decisions"] == [
        {"job": "anthropic-research/llm", "today": alone["decisions"][0], "changed": start}
    ]
    assert {"pool": "h100", "tenant": None, "figure": "free", "today": 32, "changed": 16} in found["difference"][
        "figures"
    ]


def test_a_manifest_in_the_place_of_a_running_job_keeps_what_it_holds(tmp_path: Path) -> None:
    again = manifests.job("b", "anthropic-research", expectedSeconds=7200)
    assert sentences(what_if(tmp_path, BUSY, "-o", "json", extra=[again])) == [
        "Nothing would change: the same jobs start, wait and stop."
    ]


def test_a_new_job_comes_after_those_that_wait(tmp_path: Path) -> None:
    waiting = manifests.job("z", "anthropic-research", workers=2)
    estate = (POOL, LENDER, GUEST, waiting)
    newcomer = manifests.job("a", "anthropic-research", workers=3)
    found = json.loads(what_if(tmp_path, estate, "-o", "json", extra=[newcomer]).stdout)["plan"]["decisions"]
    assert [(it["job"].partition("/")[2], it["action"]) for it in found] == [("z", "Start"), ("a", "Wait")]


def test_the_pods_of_a_suspended_job_are_gone_with_it(tmp_path: Path) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "b-0",
            "namespace": "anthropic-research",
            "ownerReferences": [{"kind": "TrainingJob", "name": "b"}],
        },
        "spec": {
            "nodeName": "h100-0002",
            "containers": [{"name": "c", "resources": {"requests": {"nvidia.com/gpu": "8"}}}],
        },
        "status": {"phase": "Running"},
    }
    args = ("--set", "jobs.anthropic-research/b.suspend=true", "-o", "json")
    found = json.loads(what_if(tmp_path, (*BUSY, pod), *args).stdout)
    assert found["today"]["pools"]["h100"]["free"] == 0
    assert found["plan"]["pools"]["h100"]["free"] == 8


def test_a_tenant_that_is_given_another_namespace_has_its_jobs(tmp_path: Path) -> None:
    stray = manifests.job("stray", "xai-evals")
    made = {**LENDER, "status": {"namespaces": ["xai-research"]}}
    args = ("--set", "tenants.xai.namespaces=[xai-research, xai-evals]")
    found = sentences(what_if(tmp_path, (POOL, made, GUEST, stray), *args, "-o", "json"))
    assert found[0].startswith("xai-evals/stray would start at once on host h100-0000; today it waits (NoTenant)")


NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "n"},
    "status": {"allocatable": {"nvidia.com/gpu": "8"}},
}
REFUSED: dict[str, tuple[tuple[str, ...], Sequence[Manifest], str]] = {
    "workers of a running job": (
        ("--set", "jobs.anthropic-research/b.workers=2"),
        (),
        (
            "jobs.anthropic-research/b.workers: cannot change while the job is Running, in a cluster neither; "
            "jobs.anthropic-research/b.suspend=true shows what it leaves behind"
        ),
    ),
    "a manifest that changes them": (
        (),
        (manifests.job("a", "anthropic-research", workers=1),),
        "jobs.anthropic-research/a.workers: cannot change while the job is Running",
    ),
    "bounds that exclude what runs": (
        ("--set", "jobs.anthropic-research/b.elastic={minWorkers: 2, maxWorkers: 3}"),
        (),
        "must be from elastic.minWorkers, 2, to elastic.maxWorkers, 3",
    ),
    "a host beside simulated ones": ((), (NODE,), "pools.NAME.simulated.nodes"),
    "a manifest of something else": (
        (),
        ({"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "metadata": {"name": "train"}},),
        "-: holds no GPUPool, Tenant, TrainingJob (entente.dev), Node or Pod: there is nothing to try",
    ),
    "a manifest that is wrong": ((), (manifests.job(workers=0),), "TrainingJob anthropic-research/train: spec.workers"),
}


@pytest.mark.parametrize(("args", "extra", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_change_that_cannot_be_is_refused_with_exit_code_2(
    tmp_path: Path, args: tuple[str, ...], extra: Sequence[Manifest], said: str
) -> None:
    result = what_if(tmp_path, BUSY, *args, extra=extra)
    assert result.exit_code == 2
    assert result.stderr.startswith("entente plan: ")
    assert said in result.stderr
    assert result.stdout == ""


def test_the_elastic_bounds_must_allow_what_runs(tmp_path: Path) -> None:
    elastic = changed(BUSY[3], spec__elastic={"minWorkers": 1, "maxWorkers": 4}, status__allocation__workers=4)
    result = what_if(tmp_path, (*BUSY[:3], elastic), "--set", "jobs.anthropic-research/a.elastic.maxWorkers=3")
    assert "jobs.anthropic-research/a.elastic: must allow 4 workers, with which the job runs" in result.stderr


def live(monkeypatch: pytest.MonkeyPatch, cluster: Recorded, *args: str) -> Result:
    """The answer about a cluster."""

    def connect(access: Access) -> Recorded:
        assert access == Access(context="prod", user="ada", groups=("admins", "people"))
        return cluster

    monkeypatch.setattr("entente.cli.cluster.Cluster", connect)
    acting = ["--context", "prod", "--as", "ada", "--as-group", "admins", "--as-group", "people"]
    return CliRunner().invoke(main, ["plan", "--now", NOW, *acting, *args])


def test_without_files_the_cluster_is_read_as_whom_one_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = live(monkeypatch, Recorded(eventful()))
    assert plain.exit_code == 0
    assert plain.stdout.startswith("ACTION ")
    found = sentences(live(monkeypatch, Recorded(eventful()), "--set", "tenants.anthropic.guaranteed=0", "-o", "json"))
    assert any(text.startswith("Pool h100, tenant anthropic: guaranteed 0 GPUs (today ") for text in found)


def test_who_may_not_read_all_of_the_cluster_is_told_which_rights_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    result = live(monkeypatch, Recorded(eventful(), closed={"nodes"}), "--set", "tenants.xai.guaranteed=0")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert 'User "ada" cannot list resource "nodes". Decisions rest on the whole estate: this needs' in result.stderr
    assert "list nodes, pods, gpupools.entente.dev, tenants.entente.dev and trainingjobs.entente.dev" in result.stderr


def test_without_files_and_without_a_cluster_both_ways_out_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    result = CliRunner().invoke(main, ["plan"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: no cluster: $KUBECONFIG or ~/.kube/config cannot be used: ")
    assert "Give a kubeconfig by --kubeconfig or $KUBECONFIG. Without a cluster, give files by -f" in result.stderr
