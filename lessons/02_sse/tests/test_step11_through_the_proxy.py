"""Step 11: a proxy that likes to wait passes each event on at once, because the response tells it to."""

import httpx
import pytest

from course import services
from course.processes import free_port

PROXY = """
    gzip on;
    gzip_types text/event-stream;
    gzip_min_length 0;
    gzip_proxied any;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {api};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering on;
            {more}
        }}
    }}
"""


@pytest.fixture
def nginx(lesson):
    """Starts a real nginx before the lesson: its address."""
    stack = []

    def start(more=""):
        port = free_port()
        http = PROXY.format(port=port, api=lesson.at(0).replace("localhost", "127.0.0.1"), more=more)
        stack.append(services.Nginx(http, port))
        stack[-1].__enter__()
        return f"http://127.0.0.1:{port}"

    yield start
    for started in stack:
        started.__exit__(None, None, None)


def test_the_response_asks_not_to_be_held_back(lesson):
    with lesson.stream(address=lesson.at(0)) as stream:
        headers = stream.response.headers

    assert headers["X-Accel-Buffering"] == "no"
    assert "no-transform" in headers["Cache-Control"]
    assert "no-store" in headers["Cache-Control"]


def test_through_nginx_each_event_comes_at_once(lesson, nginx):
    with lesson.stream(address=nginx()) as stream:
        for text in ("one", "two", "three"):
            lesson.program().post("/api/questions", json={"text": text})
            assert stream.next(within=1).data["question"]["text"] == text


def test_an_nginx_that_does_not_look_at_the_header_holds_everything_back(lesson, nginx):
    address = nginx("proxy_ignore_headers X-Accel-Buffering;")

    with pytest.raises(httpx.ReadTimeout):
        lesson.program().get(f"{address}/stream", timeout=1.5)  # not even the beginning comes
