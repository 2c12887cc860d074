"""What a worker's pod is made of."""

from entente.workload.pods import spec_digest
from tests.support import manifests
from tests.support.workloads import gang, job, made_pod, with_template

GPU = "nvidia.com/gpu"


def test_ranks_that_follow_each_other_share_a_node() -> None:
    assert list(gang(job(), {"b": 1, "a": 2}).placed()) == [(0, "a"), (1, "a"), (2, "b")]


def test_each_worker_is_pinned_to_the_node_that_the_engine_chose() -> None:
    terms = made_pod(job(), 0, "a-0003")["spec"]["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]["nodeSelectorTerms"]
    assert terms == [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a-0003"]}]}]


def test_the_templates_own_affinity_holds_in_each_of_its_alternatives() -> None:
    template = manifests.template()
    alternatives = [{"matchExpressions": [{"key": "disk", "operator": "In", "values": [kind]}]} for kind in "xy"]
    template["spec"]["affinity"] = {
        "podAntiAffinity": {"preferred": []},
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": alternatives}},
    }
    affinity = made_pod(with_template(template))["spec"]["affinity"]
    terms = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert affinity["podAntiAffinity"] == {"preferred": []}
    assert [term["matchExpressions"] for term in terms] == [one["matchExpressions"] for one in alternatives]
    assert all(term["matchFields"][0]["values"] == ["a"] for term in terms)


def test_the_first_container_alone_gets_the_gpus() -> None:
    template = manifests.template()
    first = template["spec"]["containers"][0]
    first["resources"] = {"limits": {"memory": "1Gi"}}
    template["spec"]["containers"].append({**first, "name": "logs", "resources": {"limits": {GPU: "4", "cpu": "1"}}})
    template["spec"]["initContainers"] = [{"name": "fetch", "image": "x", "resources": {"requests": {GPU: "9"}}}]
    spec = made_pod(with_template(template))["spec"]
    assert spec["containers"][0]["resources"] == {"limits": {"memory": "1Gi", GPU: "8"}, "requests": {GPU: "8"}}
    assert spec["containers"][1]["resources"] == {"limits": {"cpu": "1"}}
    assert spec["initContainers"][0]["resources"] == {"requests": {}}


def test_a_template_cannot_get_around_placement_or_priority() -> None:
    template = manifests.template()
    template["spec"].update(
        {
            "nodeName": "a-0001",
            "schedulerName": "mine",
            "priority": 2_000_000_000,
            "preemptionPolicy": "PreemptLowerPriority",
            "priorityClassName": "system-node-critical",
            "restartPolicy": "Always",
        }
    )
    spec = made_pod(with_template(template))["spec"]
    assert spec["priorityClassName"] == "entente.anthropic.frontier"
    assert spec["restartPolicy"] == "Never"
    assert not {"nodeName", "schedulerName", "priority", "preemptionPolicy"} & set(spec)


def test_a_worker_tolerates_the_pools_taint_and_what_its_template_does() -> None:
    template = manifests.template()
    template["spec"]["tolerations"] = [{"key": "slow", "operator": "Exists"}]
    assert made_pod(with_template(template))["spec"]["tolerations"] == [
        {"key": "slow", "operator": "Exists"},
        {"key": GPU, "operator": "Exists"},
    ]


def test_a_worker_belongs_to_its_job_and_says_which_start_and_rank_it_is() -> None:
    owner = job()
    meta = made_pod(owner, 1, "a", nodes={"a": 2})["metadata"]
    assert meta["name"] == "train-0-1"
    assert meta["ownerReferences"][0]["uid"] == owner.metadata.uid
    assert meta["ownerReferences"][0]["controller"] is True
    assert meta["labels"]["entente.dev/rank"] == "1"
    assert meta["labels"]["entente.dev/attempt"] == "0"
    assert meta["labels"]["entente.dev/tenant"] == "anthropic"


def test_labels_of_the_template_are_kept_and_cannot_pose_as_ours() -> None:
    template = manifests.template()
    template["metadata"] = {"labels": {"team": "x", "app.kubernetes.io/managed-by": "me"}, "annotations": {"note": "y"}}
    meta = made_pod(with_template(template))["metadata"]
    assert meta["labels"]["team"] == "x"
    assert meta["labels"]["app.kubernetes.io/managed-by"] == "entente"
    assert meta["annotations"] == {"note": "y"}


def test_making_a_pod_leaves_the_template_as_it_was() -> None:
    owner = job()
    before = repr(owner.spec.template)
    made_pod(owner)
    assert repr(owner.spec.template) == before


def test_the_digest_tells_edits_that_need_a_new_start_from_others() -> None:
    plain = spec_digest(job())
    assert spec_digest(job(maxSeconds=60, suspend=True)) == plain
    assert spec_digest(job(gpusPerWorker=4)) != plain
    assert spec_digest(job(workers=2)) != plain
    elastic = {"minWorkers": 1, "maxWorkers": 4}
    assert spec_digest(job(workers=2, elastic=elastic)) == spec_digest(job(workers=3, elastic=elastic))
