"""What workers need to find each other."""

from entente.workload.rendezvous import service
from tests.support import manifests
from tests.support.workloads import UID, job, made_pod, with_template


def _environment(pod: manifests.Manifest) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in pod["spec"]["containers"][0]["env"]}


def test_the_service_is_headless_and_names_workers_before_they_are_ready() -> None:
    made = service(job())
    assert made["spec"]["clusterIP"] == "None"
    assert made["spec"]["publishNotReadyAddresses"] is True
    assert made["spec"]["selector"] == {"entente.dev/job-uid": UID}
    assert made["metadata"]["ownerReferences"][0]["uid"] == UID


def test_the_master_is_the_first_worker_by_its_name_in_the_service() -> None:
    owner = job()
    pods = [made_pod(owner, rank, "a", nodes={"a": 2}) for rank in (0, 1)]
    name = service(owner)["metadata"]["name"]
    first = pods[0]
    assert first["spec"]["hostname"] == first["metadata"]["name"]
    assert first["spec"]["subdomain"] == name
    assert {_environment(pod)["MASTER_ADDR"] for pod in pods} == {f"{first['metadata']['name']}.{name}"}


def test_a_gang_of_one_meets_itself_without_a_service() -> None:
    environment = _environment(made_pod(job()))
    assert environment["MASTER_ADDR"] == environment["PET_MASTER_ADDR"] == "localhost"


def test_plain_process_groups_count_workers_and_torchrun_counts_gpus() -> None:
    environment = _environment(made_pod(job(), 1, "b", nodes={"a": 1, "b": 1}))
    plain = {key: environment[key] for key in ("WORLD_SIZE", "RANK", "LOCAL_WORLD_SIZE", "NODE_RANK", "MASTER_PORT")}
    assert plain == {
        "WORLD_SIZE": "2",
        "RANK": "1",
        "LOCAL_WORLD_SIZE": "1",
        "NODE_RANK": "1",
        "MASTER_PORT": "29500",
    }
    torchrun = {key: value for key, value in environment.items() if key.startswith("PET_")}
    assert torchrun == {
        "PET_NNODES": "2",
        "PET_NODE_RANK": "1",
        "PET_NPROC_PER_NODE": "8",
        "PET_MASTER_ADDR": environment["MASTER_ADDR"],
        "PET_MASTER_PORT": "29500",
    }
    assert environment["JAX_COORDINATOR_ADDRESS"] == f"{environment['MASTER_ADDR']}:29500"
    assert (environment["ENTENTE_JOB"], environment["ENTENTE_RESTART"]) == ("anthropic-research/train", "0")


def test_the_template_may_choose_the_port_and_the_launchers_options_but_not_the_rank() -> None:
    template = manifests.template()
    template["spec"]["containers"][0]["env"] = [
        {"name": "MASTER_PORT", "value": "1234"},
        {"name": "PET_NPROC_PER_NODE", "value": "1"},
        {"name": "RANK", "value": "77"},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
    ]
    made = made_pod(with_template(template))
    environment = _environment(made)
    assert environment["MASTER_PORT"] == environment["PET_MASTER_PORT"] == "1234"
    assert environment["PET_NPROC_PER_NODE"] == "1"
    assert environment["RANK"] == "0"
    names = [entry["name"] for entry in made["spec"]["containers"][0]["env"]]
    assert len(names) == len(set(names))
    assert {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}} in made["spec"]["containers"][0][
        "env"
    ]
