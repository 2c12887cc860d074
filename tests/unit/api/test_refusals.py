"""What is wrong by itself is refused offline, too, in the same words."""

import pytest
from pydantic import ValidationError

from entente.api.base import Model
from entente.api.job import TrainingJob
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from tests.support import manifests
from tests.support.refusals import REFUSALS, Refusal

MODELS: dict[str, type[Model]] = {"GPUPool": GPUPool, "Tenant": Tenant, "TrainingJob": TrainingJob}


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.case)
def test_a_wrong_manifest_is_refused_with_its_message(refusal: Refusal) -> None:
    with pytest.raises(ValidationError) as refused:
        MODELS[refusal.manifest["kind"]].model_validate(refusal.manifest)
    told = "\n".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in refused.value.errors())
    assert refusal.offline_message in told


def test_a_broken_rule_is_reported_at_its_field() -> None:
    wrong = manifests.tenant(pools=[{"name": "h100", "guaranteed": 8, "lendLimit": 9}])
    with pytest.raises(ValidationError) as refused:
        Tenant.model_validate(wrong)
    assert [error["loc"] for error in refused.value.errors()] == [("spec", "pools", 0, "lendLimit")]


def test_each_broken_rule_of_a_part_is_reported() -> None:
    template = manifests.changed(manifests.template(), spec__nodeName="n1", spec__hostname="h")
    with pytest.raises(ValidationError) as refused:
        TrainingJob.model_validate(manifests.job(template=template))
    assert [error["loc"][-1] for error in refused.value.errors()] == ["nodeName", "hostname"]


@pytest.mark.parametrize("manifest", [manifests.pool(), manifests.tenant(), manifests.job()], ids=lambda m: m["kind"])
def test_a_right_manifest_is_read_and_written(manifest: manifests.Manifest) -> None:
    model = MODELS[manifest["kind"]]
    read = model.model_validate(manifest)
    assert model.model_validate(read.to_wire()) == read


def test_a_template_stays_as_it_was_written() -> None:
    template = manifests.changed(manifests.template(), spec__volumes=[{"name": "data", "emptyDir": {}}])
    assert TrainingJob.model_validate(manifests.job(template=template)).spec.template == template
