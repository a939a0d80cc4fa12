"""The polite client against recorded faults: what is whole stays, what is broken is resumed or said."""

import gzip
import itertools
import threading
from pathlib import Path

import pytest
import stamina
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.errors import UnreadableFile
from feeds.fetch.client import LONGEST_WAIT, Polite, Refused, Wanted, again

from .conftest import Reply

BODY = bytes(range(65, 91)) * 40
TAG = {"ETag": '"v1"'}


def whole(path: Path) -> None:
    if len(path.read_bytes()) < 20:
        raise UnreadableFile("expected twenty bytes")


def wanted(*urls: str, settled: bool = True, **more) -> Wanted:
    return Wanted("a/b.txt", urls, whole, settled=settled, **more)


def left(polite: Polite) -> list[str]:
    return sorted(path.name for path in polite.folder.rglob("*") if path.is_file())


def test_a_file_is_fetched_once(server, polite):
    url = server.on("/x", Reply(BODY, headers={"Last-Modified": "Wed, 05 Nov 2025 21:00:00 GMT"}))
    first = polite.file(wanted(url))
    assert (first.state, first.name) == ("fetched", "a/b.txt")
    assert (polite.folder / "a/b.txt").read_bytes() == BODY
    assert (polite.folder / "a/b.txt").stat().st_mtime == 1_762_376_400
    assert polite.file(wanted(url)).state == "present"
    assert len(server.seen) == 1
    assert left(polite) == ["b.txt"]
    assert server.seen[0].headers["User-Agent"] == "tests a@example.org"


def test_requests_are_paced(server, polite, waits):
    url = server.on("/x", Reply(BODY))
    for n in range(3):
        polite.file(Wanted(f"{n}", (url,), whole))
    assert waits == [0.25, 0.5]  # four a second, by a clock that stands still


def test_the_next_address_is_tried_where_the_first_has_none(server, polite):
    found = polite.file(wanted(server.base + "/gone", server.on("/moved", Reply(BODY))))
    assert found.state == "fetched"
    assert server.paths() == ["/gone", "/moved"]
    assert polite.file(Wanted("n", (server.base + "/gone",), whole)).state == "unpublished"


@pytest.mark.parametrize("status", [403, 404])
def test_a_status_means_absent_only_where_the_source_says_so(server, polite, status):
    url = server.on("/x", Reply(status=status))
    assert polite.file(wanted(url, absent=frozenset({403, 404}))).state == "unpublished"
    found = polite.file(wanted(url))
    assert found.state == ("unpublished" if status == 404 else "failed")
    assert status == 404 or "403" in found.why


@pytest.mark.parametrize("status", [408, 418, 425, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(server, polite, status):
    url = server.on("/x", Reply(status=status), Reply(status=status, headers={"Retry-After": "7"}), Reply(BODY))
    assert polite.file(wanted(url)).state == "fetched"
    assert len(server.seen) == 3


def test_a_server_that_stays_busy_is_said_in_one_line_and_the_older_file_stays(server, polite):
    (polite.folder / "a").mkdir(parents=True)
    (polite.folder / "a/b.txt").write_bytes(b"older")
    found = polite.file(wanted(server.on("/x", Reply(status=418)), settled=False))
    assert (found.state, "418" in found.why, "\n" in found.why) == ("failed", True, False)
    assert len(server.seen) == 4
    assert (polite.folder / "a/b.txt").read_bytes() == b"older"


def test_the_pause_that_a_server_asks_for_is_kept_and_a_long_one_is_not_waited_for(server, polite):
    assert again(Refused(429, "u", 7.0)) == 7.0
    assert again(Refused(429, "u", LONGEST_WAIT + 1)) is False
    url = server.on("/x", Reply(status=429, headers={"Retry-After": "86400"}), Reply(BODY))
    assert polite.file(wanted(url)).state == "failed"
    assert len(server.seen) == 1


def test_a_pause_until_a_time_is_read_against_the_servers_clock(server, polite, monkeypatch):
    paused = []
    monkeypatch.setattr("feeds.fetch.client.again", lambda error: paused.append(error.pause) or False)
    # http.server adds its own Date first; the client reads the list's first
    headers = {"Retry-After": "Wed, 05 Nov 2025 21:00:30 GMT"}
    monkeypatch.setattr(
        "http.server.BaseHTTPRequestHandler.date_time_string", lambda self: "Wed, 05 Nov 2025 21:00:00 GMT"
    )
    polite.file(wanted(server.on("/x", Reply(status=503, headers=headers))))
    assert paused == [30.0]


def test_a_broken_connection_is_resumed(server, polite):
    url = server.on("/x", Reply(BODY, headers=TAG, cut=100), Reply(BODY, headers=TAG, ranged=True))
    assert polite.file(wanted(url)).state == "fetched"
    assert (polite.folder / "a/b.txt").read_bytes() == BODY
    again_asked = server.seen[1].headers
    assert (again_asked["Range"], again_asked["If-Range"]) == ("bytes=100-", '"v1"')
    assert left(polite) == ["b.txt"]


def test_a_stopped_run_is_resumed_by_the_next(server, polite):
    url = server.on("/x", Reply(BODY, headers=TAG, cut=100))
    assert polite.file(wanted(url)).state == "failed"
    assert left(polite) == ["b.txt.part", "b.txt.part.tag"]
    server.on("/x", Reply(BODY, headers=TAG, ranged=True))
    with Polite(polite.folder, "a", 4.0) as later:
        assert later.file(wanted(url)).state == "fetched"
    assert server.seen[-1].headers["Range"] == "bytes=100-"
    assert (polite.folder / "a/b.txt").read_bytes() == BODY


def test_without_a_validator_or_with_a_weak_one_it_starts_anew(server, polite):
    for headers in ({}, {"ETag": 'W/"v1"'}):
        url = server.on("/x", Reply(BODY, headers=headers, cut=100), Reply(BODY))
        (polite.folder / "a/b.txt").unlink(missing_ok=True)
        assert polite.file(wanted(url)).state == "fetched"
        assert "Range" not in server.seen[-1].headers
        assert (polite.folder / "a/b.txt").read_bytes() == BODY


def test_a_file_that_changed_meanwhile_is_had_whole(server, polite):
    newer = BODY[::-1]
    url = server.on("/x", Reply(BODY, headers=TAG, cut=100), Reply(newer, headers={"ETag": '"v2"'}, ranged=True))
    assert polite.file(wanted(url)).state == "fetched"
    assert (polite.folder / "a/b.txt").read_bytes() == newer


def test_a_part_longer_than_the_file_is_dropped(server, polite):
    (polite.folder / "a").mkdir(parents=True)
    (polite.folder / "a/b.txt.part").write_bytes(BODY * 2)
    (polite.folder / "a/b.txt.part.tag").write_text('"v1"')
    url = server.on("/x", Reply(BODY, headers=TAG, ranged=True))
    assert polite.file(wanted(url)).state == "fetched"
    assert (polite.folder / "a/b.txt").read_bytes() == BODY


def test_another_range_than_asked_is_not_appended(server, polite):
    wrong = {"ETag": '"v1"', "Content-Range": "bytes 5-9/1040"}
    url = server.on("/x", Reply(BODY, headers=TAG, cut=100), Reply(b"WRONG", 206, wrong), Reply(BODY, headers=TAG))
    assert polite.file(wanted(url)).state == "fetched"
    assert (polite.folder / "a/b.txt").read_bytes() == BODY


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "zero bytes"),
        (b"\n<!DOCTYPE html><html>Request rate threshold exceeded</html>", "an HTML page"),
        (b"\xef\xbb\xbf<html>", "an HTML page"),
        (b"short", "expected twenty bytes"),
    ],
)
def test_what_is_not_the_file_replaces_nothing(server, polite, body, said):
    (polite.folder / "a").mkdir(parents=True)
    (polite.folder / "a/b.txt").write_bytes(b"older")
    found = polite.file(wanted(server.on("/x", Reply(body, headers=TAG)), settled=False))
    assert (found.state, said in found.why, "a/b.txt" in found.name) == ("failed", True, True)
    assert (polite.folder / "a/b.txt").read_bytes() == b"older"
    assert left(polite) == ["b.txt"]


def test_a_slow_drip_is_read_to_its_end(server, polite):
    assert polite.file(wanted(server.on("/x", Reply(BODY, drip=True)))).state == "fetched"
    assert (polite.folder / "a/b.txt").read_bytes() == BODY


def test_a_drip_that_would_take_for_ever_is_broken_off_and_what_came_is_kept(server, polite):
    seconds, long = itertools.count(0, 100_000), BODY * 1000
    url = server.on("/x", Reply(long, headers=TAG, ranged=True))
    with Polite(polite.folder, "a", 4.0, clock=lambda: float(next(seconds)), wait=lambda _: None) as patient:
        found = patient.file(wanted(url))
    assert (found.state, "bytes in" in found.why) == ("failed", True)
    assert left(polite) == ["b.txt.part", "b.txt.part.tag"]
    assert polite.file(wanted(url)).state == "fetched"
    assert server.seen[-1].headers["Range"].startswith("bytes=")
    assert (polite.folder / "a/b.txt").read_bytes() == long


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(server, polite, monkeypatch):
    monkeypatch.setattr("feeds.fetch.client._TIMEOUT", 0.05)
    silent = threading.Event()
    monkeypatch.setattr(server, "reply", lambda path: silent.wait(5) and None)
    with Polite(polite.folder, "a", 4.0, wait=lambda _: None) as hasty:
        found = hasty.file(wanted(f"{server.base}/x"))
    silent.set()
    assert (found.state, "timed out" in found.why) == ("failed", True)


def test_an_endless_body_is_stopped(server, polite, monkeypatch):
    monkeypatch.setattr("feeds.fetch.client.MOST_BYTES", 100)
    found = polite.file(wanted(server.on("/x", Reply(BODY))))
    assert (found.state, "at most 100 bytes" in found.why) == ("failed", True)
    assert len(server.seen) == 1


def test_a_compressed_answer_is_unpacked_and_never_resumed(server, polite):
    packed = {"Content-Encoding": "gzip", "ETag": '"v1"'}
    url = server.on(
        "/x", Reply(gzip.compress(BODY), headers=packed, cut=30), Reply(gzip.compress(BODY), headers=packed)
    )
    assert polite.file(wanted(url)).state == "fetched"
    assert (polite.folder / "a/b.txt").read_bytes() == BODY
    assert "Range" not in server.seen[-1].headers


def test_a_file_that_may_change_is_asked_for_if_it_did(server, polite):
    stamp = {"Last-Modified": "Wed, 05 Nov 2025 21:00:00 GMT"}
    url = server.on("/x", Reply(BODY, headers=stamp), Reply(status=304), Reply(BODY[::-1]))
    assert polite.file(wanted(url, settled=False)).state == "fetched"
    assert polite.file(wanted(url, settled=False)).state == "present"
    assert server.seen[1].headers["If-Modified-Since"] == stamp["Last-Modified"]
    assert polite.file(wanted(url, settled=False)).state == "fetched"
    assert (polite.folder / "a/b.txt").read_bytes() == BODY[::-1]


def test_redirects_are_followed_and_loops_said(server, polite):
    url = server.on("/x", Reply(status=302, headers={"Location": "/y"}))
    server.on("/y", Reply(BODY))
    assert polite.file(wanted(url)).state == "fetched"
    loop = server.on("/l", Reply(status=302, headers={"Location": "/l"}))
    assert polite.file(Wanted("l", (loop,), whole)).state == "failed"


def test_nobody_listening_is_one_line(polite):
    found = polite.file(wanted("http://127.0.0.1:1/x"))
    assert found.state == "failed"
    assert "\n" not in found.why


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, len(BODY)), max_size=3), ranged=st.booleans())
def test_however_it_breaks_the_bytes_are_the_files(server, polite, cuts, ranged):
    (polite.folder / "a/b.txt").unlink(missing_ok=True)
    replies = [Reply(BODY, headers=TAG, cut=cut, ranged=ranged) for cut in cuts]
    url = server.on("/x", *replies, Reply(BODY, headers=TAG, ranged=ranged))
    found = polite.file(wanted(url))
    assert found.state == "fetched", found
    assert (polite.folder / "a/b.txt").read_bytes() == BODY


def test_the_pause_is_truly_waited_for(server, polite, monkeypatch):
    slept = []
    monkeypatch.setattr("tenacity.nap.time.sleep", slept.append)
    busy = Reply(status=429, headers={"Retry-After": "7"})
    with stamina.set_testing(False):
        assert polite.file(wanted(server.on("/x", busy, Reply(status=503), Reply(BODY)))).state == "fetched"
    assert slept[0] == 7.0
    assert 0 < slept[1] <= 3.0


@pytest.mark.parametrize("reply", [Reply(status=204), Reply(status=302), Reply(status=304)])
def test_an_answer_without_a_file_is_none_and_what_an_older_try_left_is_not_taken_for_it(server, polite, reply):
    """The planted fault: a part that broke off long ago passes the check and becomes the file."""
    url = server.on("/x", Reply(BODY, cut=100))
    assert polite.file(wanted(url)).state == "failed"
    assert left(polite) == ["b.txt.part"]
    server.on("/x", reply)
    found = polite.file(wanted(url))
    assert (found.state, str(reply.status) in found.why) == ("failed", True)
    assert "b.txt" not in left(polite)


def test_a_range_that_ends_before_the_file_is_not_the_file(server, polite):
    short = Reply(BODY[:100], 206, TAG | {"Content-Range": f"bytes 0-99/{len(BODY)}"})
    found = polite.file(wanted(server.on("/x", short, short, Reply(BODY, headers=TAG, ranged=True))))
    assert found.state == "fetched"
    assert (polite.folder / "a/b.txt").read_bytes() == BODY
    (polite.folder / "a/b.txt").unlink()
    assert polite.file(wanted(server.on("/x", short))).state == "failed"
    assert "b.txt" not in left(polite)
