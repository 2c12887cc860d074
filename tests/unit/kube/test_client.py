import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from entente.kube.backoff import Backoff
from entente.kube.client import KubeClient
from entente.kube.config import Connection
from entente.kube.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    FencedError,
    GoneError,
    NotFoundError,
    ThrottledError,
    UnauthorizedError,
    UnreachableError,
)
from entente.kube.kinds import NODE, POD, TRAINING_JOB
from entente.kube.transport import Limits
from tests.support.apiserver import ApiServer, Fault
from tests.support.clock import FakeClock
from tests.unit.kube.conftest import MakeClient


def pod(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "a", "name": name, "labels": labels}, "spec": {"containers": []}}


async def test_an_object_is_created_read_patched_and_deleted(client: KubeClient) -> None:
    created = await client.create(POD, pod("x"))
    await client.patch(POD, "x", {"status": {"phase": "Running"}}, namespace="a", subresource="status")
    read = await client.get(POD, "x", "a")

    assert read["status"] == {"phase": "Running"}
    assert await client.delete(POD, "x", namespace="a", uid=created["metadata"]["uid"])
    with pytest.raises(NotFoundError):
        await client.get(POD, "x", "a")


async def test_a_write_names_its_manager_and_its_patch_type(api: ApiServer, client: KubeClient) -> None:
    await client.apply(TRAINING_JOB, {"metadata": {"namespace": "a", "name": "j"}, "spec": {"workers": 1}})
    await client.patch(TRAINING_JOB, "j", {"spec": {"workers": 2}}, namespace="a")

    applied, patched = api.seen("PATCH")
    assert applied.query == {"fieldManager": "entente", "force": "true"}
    assert applied.headers["Content-Type"] == "application/apply-patch+yaml"
    assert applied.json["apiVersion"] == "entente.dev/v1alpha1"
    assert patched.headers["Content-Type"] == "application/merge-patch+json"
    assert patched.query == {"fieldManager": "entente"}


async def test_a_list_comes_in_pages_of_one_moment(api: ApiServer, client: KubeClient) -> None:
    for number in range(5):
        api.put(POD, pod(f"p{number}", team="red" if number < 4 else "blue"))

    pages = [page async for page in client.list_pages(POD, label_selector="team=red", limit=2)]

    names = [[obj["metadata"]["name"] for obj in page.items] for page in pages]
    assert names == [["p0", "p1"], ["p2", "p3"]]
    assert {page.resource_version for page in pages} == {"5"}


async def test_a_continue_token_that_expired_says_so(api: ApiServer, client: KubeClient) -> None:
    for number in range(3):
        api.put(POD, pod(f"p{number}"))
    api.expire_tokens()

    with pytest.raises(GoneError):
        async for _ in client.list_pages(POD, limit=2):
            pass


async def test_an_answer_nobody_reads_is_asked_for_as_metadata_and_not_decoded(
    api: ApiServer, client: KubeClient
) -> None:
    answers = [
        await client.create(POD, pod("x"), decode=False),
        await client.patch(POD, "x", {"metadata": {"labels": {"k": "v"}}}, namespace="a", decode=False),
    ]
    await client.get(POD, "x", "a")

    assert answers == [{}, {}]
    asked = [request.headers["Accept"].split(",")[0] for request in api.requests]
    metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    assert asked == [metadata, metadata, "application/json"]


Call = Callable[[KubeClient], Awaitable[object]]
CREATE: Call = lambda client: client.create(POD, pod("new"))  # noqa: E731 - a table of calls
PATCH: Call = lambda client: client.patch(POD, "x", {"spec": {"n": 1}}, namespace="a")  # noqa: E731
JSON_PATCH: Call = lambda client: client.patch(POD, "x", [{"op": "add"}], namespace="a")  # noqa: E731
APPLY: Call = lambda client: client.apply(POD, pod("x"))  # noqa: E731
DELETE: Call = lambda client: client.delete(POD, "x", namespace="a")  # noqa: E731
GET: Call = lambda client: client.get(POD, "x", "a")  # noqa: E731
CUT, THROTTLED, BUSY, BROKEN = Fault(), Fault(429, retry_after="1"), Fault(503), Fault(500)


@pytest.mark.parametrize(
    ("method", "call", "fault"),
    [
        pytest.param("POST", CREATE, THROTTLED, id="create after 429"),
        pytest.param("PATCH", PATCH, THROTTLED, id="merge patch after 429"),
        pytest.param("PATCH", PATCH, CUT, id="merge patch after a broken connection"),
        pytest.param("PATCH", PATCH, BUSY, id="merge patch after 503"),
        pytest.param("PATCH", APPLY, CUT, id="apply after a broken connection"),
        pytest.param("DELETE", DELETE, CUT, id="delete after a broken connection"),
        pytest.param("DELETE", DELETE, BROKEN, id="delete after 500"),
        pytest.param("GET", GET, CUT, id="get after a broken connection"),
    ],
)
async def test_what_may_be_repeated_is_repeated(
    api: ApiServer, make_client: MakeClient, method: str, call: Call, fault: Fault
) -> None:
    clock = FakeClock()
    client = await make_client(clock=clock, sleep=clock.sleep)
    api.put(POD, pod("x"))
    api.fail(method, fault, fault)

    await call(client)

    assert len(api.seen(method)) == 3
    # The HTTP library itself repeats a GET or DELETE once when a kept connection turns out to be closed.
    assert len(clock.slept) in ({1, 2} if method in {"GET", "DELETE"} else {2})


@pytest.mark.parametrize(
    ("method", "call", "fault", "error"),
    [
        pytest.param("POST", CREATE, CUT, UnreachableError, id="create after a broken connection"),
        pytest.param("POST", CREATE, BROKEN, ApiError, id="create after 500"),
        pytest.param("PATCH", JSON_PATCH, CUT, UnreachableError, id="json patch after a broken connection"),
        pytest.param("PATCH", PATCH, Fault(409, reason="Conflict"), ConflictError, id="conflict"),
        pytest.param("GET", GET, Fault(404, reason="NotFound"), NotFoundError, id="not found"),
    ],
)
async def test_what_may_do_harm_twice_or_is_useless_is_not_repeated(
    api: ApiServer, client: KubeClient, *, method: str, call: Call, fault: Fault, error: type[ApiError]
) -> None:
    api.put(POD, pod("x"))
    api.fail(method, fault)

    with pytest.raises(error):
        await call(client)

    assert len(api.seen(method)) == 1


async def test_a_create_whose_answer_was_lost_is_found_by_creating_again(api: ApiServer, client: KubeClient) -> None:
    api.fail("POST", Fault(after=True))

    with pytest.raises(UnreachableError):
        await client.create(POD, pod("x"))
    with pytest.raises(AlreadyExistsError):
        await client.create(POD, pod("x"))

    assert list(api.objects) == ["/api/v1/namespaces/a/pods/x"]


async def test_a_patch_with_a_precondition_whose_answer_was_lost_ends_in_a_conflict(
    api: ApiServer, client: KubeClient
) -> None:
    version = api.put(POD, pod("x"))["metadata"]["resourceVersion"]
    api.fail("PATCH", Fault(after=True))

    with pytest.raises(ConflictError):
        await client.patch(POD, "x", {"metadata": {"resourceVersion": version}, "spec": {"n": 1}}, namespace="a")

    assert api.objects["/api/v1/namespaces/a/pods/x"]["spec"]["n"] == 1


async def test_a_patch_meant_for_another_object_of_the_name_is_a_conflict(client: KubeClient) -> None:
    await client.create(POD, pod("x"))

    with pytest.raises(ConflictError):
        await client.patch(POD, "x", {"metadata": {"uid": "uid-0"}, "spec": {"n": 1}}, namespace="a")


@pytest.mark.parametrize(
    "message",
    [
        "the UID in the precondition (x) does not match the UID in record (y)",
        "Precondition failed: UID in precondition: x",
    ],
)
async def test_a_conflict_of_a_delete_is_only_about_the_uid_if_it_says_so(
    api: ApiServer, client: KubeClient, message: str
) -> None:
    api.put(POD, pod("x"))
    api.fail("DELETE", Fault(409, reason="Conflict", message=message))
    assert await client.delete(POD, "x", namespace="a", uid="uid-1") is False

    api.fail("DELETE", Fault(409, reason="Conflict", message="being finalized"))
    with pytest.raises(ConflictError):
        await client.delete(POD, "x", namespace="a", uid="uid-1")


async def test_a_pause_is_at_least_what_the_server_asks_for(api: ApiServer, make_client: MakeClient) -> None:
    clock = FakeClock()
    client = await make_client(clock=clock, sleep=clock.sleep)
    api.fail("POST", Fault(429, retry_after="7"))

    await client.create(POD, pod("x"))

    assert len(clock.slept) == 1
    assert 7.0 <= clock.slept[0] <= 7.2


async def test_patience_ends(api: ApiServer, make_client: MakeClient) -> None:
    clock = FakeClock()
    client = await make_client(clock=clock, sleep=clock.sleep, backoff=Backoff(patience_s=20.0))
    api.fail("POST", *[Fault(429, retry_after="8")] * 9)

    with pytest.raises(ThrottledError):
        await client.create(POD, pod("x"))

    assert len(api.seen("POST")) == 3
    assert sum(clock.slept) <= 20.0


async def test_a_server_that_is_not_there_was_sent_nothing_so_even_a_create_is_tried_again(
    make_client: MakeClient, unused_tcp_port: int
) -> None:
    clock = FakeClock()
    client = await make_client(
        connection=Connection(f"http://127.0.0.1:{unused_tcp_port}"),
        clock=clock,
        sleep=clock.sleep,
        backoff=Backoff(patience_s=1.0),
    )

    with pytest.raises(UnreachableError, match="create pods: ClientConnectorError"):
        await client.create(POD, pod("x"))

    assert clock.slept


@pytest.mark.parametrize(
    ("uid", "expected"), [pytest.param("uid-1", True, id="this one"), pytest.param("uid-0", False, id="another one")]
)
async def test_a_delete_with_a_uid_spares_a_successor_of_the_same_name(
    api: ApiServer, client: KubeClient, *, uid: str, expected: bool
) -> None:
    await client.create(POD, pod("x"))

    assert await client.delete(POD, "x", namespace="a", uid=uid, grace_period_seconds=30) is expected

    options = api.seen("DELETE")[0].json
    assert options["preconditions"] == {"uid": uid}
    assert options["gracePeriodSeconds"] == 30
    assert bool(api.objects) is not expected


async def test_a_delete_of_nothing_is_no_error(client: KubeClient) -> None:
    assert await client.delete(POD, "x", namespace="a") is False


async def test_writes_in_flight_are_bounded_and_waiting_takes_no_time_from_them(
    api: ApiServer, make_client: MakeClient
) -> None:
    client = await make_client(limits=Limits(writes=3, request_s=5.0))

    await asyncio.gather(*(client.create(POD, pod(f"p{n}"), decode=False) for n in range(60)))

    assert len(api.objects) == 60
    assert 1 < api.most_together <= 3


async def test_a_pause_takes_no_slot_from_others(api: ApiServer, make_client: MakeClient) -> None:
    gate = asyncio.Event()

    async def wait(_: float) -> None:
        await gate.wait()

    client = await make_client(limits=Limits(writes=1), sleep=wait)
    api.fail("POST", THROTTLED)
    refused = asyncio.ensure_future(client.create(POD, pod("first")))
    await api.until(lambda: len(api.seen("POST")) == 1)

    await client.create(POD, pod("second"))
    gate.set()
    await refused

    assert [obj["metadata"]["name"] for obj in api.objects.values()] == ["second", "first"]


async def test_who_does_not_lead_writes_nothing_but_reads(api: ApiServer, make_client: MakeClient) -> None:
    left = 0.0
    client = await make_client(fence=lambda: left)
    api.put(POD, pod("x"))

    for call in (CREATE, PATCH, APPLY, DELETE):
        with pytest.raises(FencedError, match="does not lead"):
            await call(client)
    await GET(client)

    assert {request.method for request in api.requests} == {"GET"}
    left = 10.0
    await CREATE(client)


async def test_an_attempt_does_not_outlive_the_leadership(api: ApiServer, make_client: MakeClient) -> None:
    client = await make_client(fence=lambda: 0.05, backoff=Backoff(patience_s=0.0))
    api.hold()

    with pytest.raises(UnreachableError, match="TimeoutError"):
        await CREATE(client)


async def test_each_attempt_is_observed(api: ApiServer, make_client: MakeClient) -> None:
    observed: list[tuple[str, str, int]] = []
    clock = FakeClock()
    client = await make_client(
        observer=lambda verb, kind, code, _: observed.append((verb, kind, code)), clock=clock, sleep=clock.sleep
    )
    api.fail("POST", THROTTLED)
    api.fail("PATCH", CUT)

    await client.create(POD, pod("x"))
    await client.patch(POD, "x", {"status": {}}, namespace="a", subresource="status")
    await client.delete(POD, "x", namespace="a")
    async for _ in client.list_pages(NODE):
        pass

    assert observed == [
        ("create", "pods", 429),
        ("create", "pods", 201),
        ("patch", "pods/status", 0),
        ("patch", "pods/status", 200),
        ("delete", "pods", 200),
        ("list", "nodes", 200),
    ]


async def test_a_refused_token_is_read_again_from_its_file(
    api: ApiServer, make_client: MakeClient, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("old\n")
    client = await make_client(connection=Connection(api.url, token_file=file))
    api.token = "old"  # noqa: S105 - of a server that lives for this test
    await CREATE(client)

    file.write_text("new\n")
    api.token = "new"  # noqa: S105 - as above
    await client.delete(POD, "new", namespace="a")

    assert [request.headers["Authorization"] for request in api.requests] == ["Bearer old", "Bearer old", "Bearer new"]


async def test_a_token_that_stays_refused_is_an_error(api: ApiServer, client: KubeClient) -> None:
    api.token = "right"  # noqa: S105 - of a server that lives for this test

    with pytest.raises(UnauthorizedError):
        await CREATE(client)

    assert len(api.requests) == 2


async def test_no_error_tells_the_token_or_the_body(
    api: ApiServer, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="entente")
    client = await make_client(connection=Connection(api.url, token="s3cret-token"))  # noqa: S106 - as above
    body = {**pod("x"), "data": "s3cret-body"}
    texts = []
    for fault in (CUT, BROKEN, Fault(403)):
        api.fail("POST", fault)
        with pytest.raises(ApiError) as caught:
            await client.create(POD, body)
        texts.append(f"{caught.value!r} {caught.value.__cause__!r}")

    assert all(b"s3cret-body" in request.body for request in api.seen("POST"))
    assert not re.search("s3cret", " ".join(texts) + caplog.text)
