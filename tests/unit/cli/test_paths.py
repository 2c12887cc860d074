"""`--set PATH=VALUE`: where a path leads, what may stand there, and what is said when it may not."""

from typing import Any

import pytest

from entente.api.inputs import real_pool
from entente.api.job import TrainingJob
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.cli.paths import Resource, SettingError, applied, found, parsed
from tests.support import manifests

TENANT = Tenant.model_validate(
    manifests.tenant("lab", priorities=[{"name": "low", "value": 1}], budget={"gpuHours": 5})
)
WIDE = Tenant.model_validate(manifests.tenant("wide", pools=[{"name": n, "guaranteed": 8} for n in ("a100", "h100")]))
POOR = Tenant.model_validate(manifests.tenant("poor", pools=[]))
POOL = GPUPool.model_validate(manifests.pool(topology=["rack", "kubernetes.io/hostname"]))
JOB = TrainingJob.model_validate(manifests.job("llm.v2", elastic={"minWorkers": 1, "maxWorkers": 4}))
PLAIN = TrainingJob.model_validate(manifests.job("llm", suspend=True))
ESTATE: dict[str, dict[str, Resource]] = {
    "tenants": {"lab": TENANT, "wide": WIDE, "poor": POOR},
    "pools": {"h100": POOL},
    "jobs": {"anthropic-research/llm": PLAIN, "anthropic-research/llm.v2": JOB},
}


def after(*texts: str) -> dict[str, Any]:
    """The wire form of the spec of the one object that these settings are about."""
    settings = [parsed(text) for text in texts]
    places = [found(setting, ESTATE[setting.head]) for setting in settings]
    (key,) = {key for key, _ in places}
    resource = ESTATE[settings[0].head][key]
    changes = {rest: setting.value for (_, rest), setting in zip(places, settings, strict=True)}
    return applied(resource, changes).spec.to_wire()


GOOD: dict[str, tuple[str, tuple[str | int, ...], object]] = {
    "a tenant's one pool may be left out": ("tenants.lab.guaranteed=32", ("pools", 0, "guaranteed"), 32),
    "its pool may be named": ("tenants.lab.pools.h100.lendLimit=8", ("pools", 0, "lendLimit"), 8),
    "of several pools one is named": ("tenants.wide.pools.h100.weight=3", ("pools", 1, "weight"), 3),
    "an entry of another list": ("tenants.lab.priorities.low.value=7", ("priorities", 0, "value"), 7),
    "a block that was not given": ("pools.h100.usage.halfLifeSeconds=0", ("usage", "halfLifeSeconds"), 0),
    "a word": ("tenants.lab.order=ShortestFirst", ("order",), "ShortestFirst"),
    "a number with a fraction": ("tenants.lab.budget.gpuHours=7.5", ("budget", "gpuHours"), 7.5),
    "a flag": ("jobs.anthropic-research/llm.suspend=false", ("suspend",), False),
    "a name with a dot": ("jobs.anthropic-research/llm.v2.workers=3", ("workers",), 3),
    "a key with dots": (
        "pools.h100.nodeSelector.nvidia.com/gpu.product=B200",
        ("nodeSelector", "nvidia.com/gpu.product"),
        "B200",
    ),
    "a list as a whole": ("jobs.anthropic-research/llm.pools=[h100, b200]", ("pools",), ["h100", "b200"]),
    "an entry by its number": ("pools.h100.topology.0=block", ("topology", 0), "block"),
    "a block as a whole": ("jobs.anthropic-research/llm.retry={limit: 9}", ("retry", "limit"), 9),
}


@pytest.mark.parametrize(("text", "steps", "value"), GOOD.values(), ids=GOOD.keys())
def test_a_path_leads_to_one_field(text: str, steps: tuple[str | int, ...], value: object) -> None:
    there: Any = after(text)
    for step in steps:
        there = there[step]
    assert there == value


def test_a_job_that_is_named_like_a_field_of_another_one_does_not_hide_it() -> None:
    known = ("lab/llm", "lab/llm.workers", "lab/llm.v2")
    assert found(parsed("jobs.lab/llm.workers=2"), known) == ("lab/llm", "workers")
    assert found(parsed("jobs.lab/llm.workers.workers=2"), known) == ("lab/llm.workers", "workers")
    with pytest.raises(SettingError, match=r"jobs\.lab/llm\.v2: names no field"):
        found(parsed("jobs.lab/llm.v2=2"), known)


def test_null_takes_a_field_or_an_entry_out() -> None:
    assert "elastic" not in after("jobs.anthropic-research/llm.v2.elastic=null")
    assert [terms["name"] for terms in after("tenants.wide.pools.a100=null")["pools"]] == ["h100"]


def test_a_block_that_was_taken_out_before_can_be_set_again() -> None:
    bare = applied(real_pool(POOL), {"simulated.nodes": 2, "simulated.gpusPerNode": 8})
    assert bare.spec.to_wire()["simulated"]["nodes"] == 2


def test_changes_of_one_object_are_checked_together() -> None:
    with pytest.raises(SettingError, match="must be at most guaranteed, 64"):
        after("tenants.lab.lendLimit=80")
    terms = after("tenants.lab.lendLimit=80", "tenants.lab.guaranteed=96")["pools"][0]
    assert (terms["guaranteed"], terms["lendLimit"]) == (96, 80)


BAD: dict[str, tuple[str, str]] = {
    "no value": ("tenants.lab.guaranteed", "'tenants.lab.guaranteed' has no `=`: give PATH=VALUE"),
    "another kind": ("nodes.n.gpus=1", "nodes.n.gpus: a path begins with pools. or tenants. or jobs. and a name"),
    "a value that is nested too deeply": ("tenants.lab.guaranteed=" + "[" * 5000, "[' is no value that YAML knows"),
    "no name": ("tenants=1", "tenants: a path begins with"),
    "nobody of that name": (
        "tenants.la.guaranteed=1",
        "tenants.la.guaranteed: there is no such tenant; there are: lab, poor, wide",
    ),
    "no job of that name": (
        "jobs.x/y.workers=1",
        "jobs.x/y.workers: there is no such job; there are: anthropic-research/llm, anthropic-research/llm.v2",
    ),
    "no field": ("pools.h100=1", "pools.h100: names no field; fields are: handover, "),
    "an unknown field": (
        "tenants.lab.guarantee=1",
        "tenants.lab.guarantee: there is no field 'guarantee'; fields are: ",
    ),
    "an unknown field further in": (
        "tenants.lab.pools.h100.gpus=1",
        "tenants.lab.pools.h100.gpus: there is no field 'gpus'; fields are: borrowLimit, ",
    ),
    "several pools": (
        "tenants.wide.guaranteed=1",
        "tenants.wide.guaranteed: say of which pool: tenants.wide.pools.a100.guaranteed or tenants.wide.po",
    ),
    "no pool": ("tenants.poor.guaranteed=1", "tenants.poor.guaranteed: the tenant has terms for no pool"),
    "an unknown entry": (
        "tenants.lab.pools.b200.guaranteed=1",
        "tenants.lab.pools.b200.guaranteed: there is no such entry; there are: h100",
    ),
    "an empty list": ("tenants.poor.pools.x.guaranteed=1", "the list is empty; set it as a whole"),
    "too far in": ("pools.h100.noticeSeconds.x=1", "pools.h100.noticeSeconds.x: noticeSeconds has no fields"),
    "an entry without fields": (
        "pools.h100.topology.0.x=1",
        "pools.h100.topology.0.x: an entry of this list has no fields",
    ),
    "the template": (
        "jobs.anthropic-research/llm.template.spec=1",
        "template has no fields that can be set one by one",
    ),
    "another type": (
        "tenants.lab.guaranteed=many",
        "tenants.lab.pools.h100.guaranteed: Input should be a valid integer (given: 'many')",
    ),
    "too small": (
        "pools.h100.noticeSeconds=3",
        "pools.h100.noticeSeconds: Input should be greater than or equal to 30 (given: 3)",
    ),
    "no word of these": (
        "pools.h100.nodeSharing=No",
        "pools.h100.nodeSharing: Input should be 'Exclusive' or 'Shared'",
    ),
    "what needs another field": (
        "jobs.anthropic-research/llm.elastic.minWorkers=1",
        "jobs.anthropic-research/llm.elastic.maxWorkers: Field required",
    ),
    "no YAML": ("pools.h100.topology=[", "pools.h100.topology: '[' is no value that YAML knows"),
    "two documents": ("pools.h100.noticeSeconds=60\n---\n70", "is more than one value"),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_set_is_refused_with_its_path_and_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(SettingError) as refused:
        after(text)
    assert said in str(refused.value)
