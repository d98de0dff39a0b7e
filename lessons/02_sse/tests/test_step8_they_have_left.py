"""Step 8: a sign of life on every silent stream, and nothing left of those who have gone."""

import subprocess
import sys

import httpx
import psutil

from course.processes import wait_for

READ = """
import sys, httpx
with httpx.stream("GET", sys.argv[1], timeout=60) as answer:
    for line in answer.iter_lines():
        print(line, flush=True)
"""


def connections(lesson):
    """The addresses from which there are open connections to the API, as the system sees it."""
    found = [one for process in lesson.processes for one in process.net_connections("tcp")]
    return {one.raddr for one in found if one.laddr.port in lesson.places and one.status != psutil.CONN_LISTEN}


def test_a_quiet_stream_gets_a_heartbeat(lesson):
    with lesson.program().stream("GET", "/stream", timeout=5) as answer:
        heartbeats = (line for line in answer.iter_lines() if line == ": heartbeat")

        assert next(heartbeats), "a comment should come every HEARTBEAT_SECONDS"
        assert next(heartbeats), "a comment should come every HEARTBEAT_SECONDS"


def test_a_reader_who_closes_is_forgotten(lesson):
    before = connections(lesson)
    for _ in range(5):
        with lesson.stream() as stream:
            assert stream.response.status_code == 200

    assert wait_for(8, lambda: connections(lesson) <= before), "no connection should be left"


def test_a_reader_who_is_killed_is_forgotten(lesson):
    before = connections(lesson)
    reader = subprocess.Popen([sys.executable, "-c", READ, f"{lesson.api}/stream"], stdout=subprocess.PIPE, text=True)
    assert reader.stdout.readline().startswith("retry"), "it is reading"
    assert connections(lesson) - before

    reader.kill()
    reader.communicate()

    assert wait_for(8, lambda: connections(lesson) <= before), "no connection should be left"


def test_a_reader_who_only_asks_for_the_headers_is_forgotten(lesson):
    before = connections(lesson)
    assert httpx.head(f"{lesson.api}/stream", timeout=5).status_code == 200

    assert wait_for(8, lambda: connections(lesson) <= before)
