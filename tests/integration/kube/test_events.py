from entente.kube.client import KubeClient
from entente.kube.events import EventRecorder, EventType, ObjectRef
from entente.kube.kinds import NAMESPACE, SERVICE
from localplane import LocalPlane
from tests.support.plane import Corner


async def test_kubectl_shows_events_and_how_often_they_happened(
    client: KubeClient, plane: LocalPlane, corner: Corner
) -> None:
    namespace = corner.namespace()
    body = {"metadata": {"namespace": namespace, "name": "s"}, "spec": {"clusterIP": "None", "ports": [{"port": 1}]}}
    made = await client.create(SERVICE, body)
    about = ObjectRef(SERVICE, "s", namespace, made["metadata"]["uid"])
    recorder = EventRecorder(client, "test")

    for _ in range(3):
        recorder.record(about, EventType.WARNING, "Backoff", "worker 3 died")
        await recorder.flush()
    recorder.record(about, EventType.NORMAL, "Started", "x" * 3000)
    recorder.record(ObjectRef(NAMESPACE, namespace, uid=made["metadata"]["uid"]), EventType.NORMAL, "Kept", "yes")
    await recorder.flush()

    assert not recorder.dropped
    described = plane.kubectl("describe", "service", "s", "-n", namespace)
    assert "worker 3 died" in described
    assert "(x3 over" in described
    listed = plane.kubectl("get", "events", "-n", namespace, "--field-selector", "involvedObject.name=s")
    assert "Backoff" in listed
    assert "Started" in listed
