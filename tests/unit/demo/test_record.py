"""A run leaves one sample for each second and its figures."""

import json
from pathlib import Path

from demo import record
from demo.claims import Claim
from demo.gains import Setting
from demo.story import Story
from demo.trace import GUEST, OWNER
from tests.support.demo import job, picture
from tests.unit.demo.test_summary import FINISHED, RUNNING, WAITING, a_good_story, summarised


def test_each_second_has_one_sample() -> None:
    samples = record.Samples()
    shown = picture(job("a", phase="Running", nodes={"n0": 1}), guest={"entitled": 16, "borrowed": 8})
    for elapsed_s in (0.1, 0.6, 1.2, 1.9, 3.0):
        samples.see(shown, elapsed_s)
    assert samples.rows == [(second, 0, 0, 16, 8) for second in (0, 1, 3)]


def test_the_record_has_the_figures_of_the_summary(tmp_path: Path) -> None:
    result = summarised(
        FINISHED,
        RUNNING,
        WAITING,
        claims=(Claim("xai-training/b", 4, reclaimed=True), Claim("xai-training/c", 6, reclaimed=True)),
    )
    samples = record.Samples([(0, 1, 2, 3, 4), (1, 1, 2, 3, 4)])
    settings = [Setting("as in this demo", {OWNER: 1.004, GUEST: 2.0})]
    path = tmp_path / "demo.json"
    record.write(path, record.document(result, a_good_story(), samples, settings, seconds=90.0))
    read = json.loads(path.read_text(encoding="utf-8"))
    assert read["samples"] == [[0, 1, 2, 3, 4], [1, 1, 2, 3, 4]]
    assert read["shared"]["all"]["jobs"] == 3
    assert read["alone"][OWNER]["waited_h"] == 0
    of = {OWNER: {"jobs": 2, "seconds": 10}, GUEST: {"jobs": 0, "seconds": 0}}
    assert read["reclaims"] == {"jobs": 2, "median_s": 5.0, "max_s": 6, "of": of}
    assert read["settings"] == [{"what": "as in this demo", OWNER: 1.0, GUEST: 2.0}]
    assert [gain.reclaims for gain in record.gains_in(read)] == [2, 0]
    assert "\n  [0, 1, 2, 3, 4],\n" in path.read_text(encoding="utf-8")


def test_a_run_without_reclaims_can_be_recorded() -> None:
    made = record.document(summarised(FINISHED), Story(), record.Samples(), [], seconds=1.0)
    assert (made["reclaims"]["jobs"], made["reclaims"]["max_s"]) == (0, 0.0)
