"""Lesson 2 on a projector: one answer that does not end, and what it takes to lose nothing of it."""

import re
import time

import httpx
import psutil

from course import services
from course.demo import Missing, exchange
from course.processes import free_port, wait_for

QUESTION = "What is an event stream?"
LISTEN = """address => new Promise(told => {
    const stream = new EventSource(address);
    stream.onopen = () => told("open");
    stream.onerror = () => told("error");
})"""
PROXY = """
    gzip on;
    gzip_types text/event-stream;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {api};
            proxy_http_version 1.1;
            {more}
        }}
    }}
"""


def it_does_not_end(stage):
    """One ordinary GET, and its answer does not end: lines of text, and more of them whenever there is news."""
    with stage.program().stream("GET", "/stream", timeout=5) as answer:
        yield from exchange(answer, "Content-Type")
        lines = answer.iter_lines()
        yield from (f"< {line}" for line in (next(lines) for _ in range(2)))
        yield "…"
        yield f"< {next(line for line in lines if line == ': heartbeat')}"
    yield "A comment is a sign of life: here every second, else every 15."


def everyone_sees_it(stage):
    """Alice asks, and all pages show it at once: nobody has pressed Refresh, there is no such button any more."""
    assert stage.bob.sees("live", within=5), "bob's page should be live"
    stage.alice.ask(QUESTION, "Alice")
    assert stage.bob.sees(QUESTION), "bob's page should show alice's question by itself"
    yield f"Bob's page\t{stage.bob.question(QUESTION).locator('.text').inner_text()}"
    yield "And yours?"


def on_the_wire(stage):
    """This is how an event comes: its number, its name, its data, and an empty line."""
    with stage.program().stream("GET", "/stream", timeout=5) as answer:
        lines = answer.iter_lines()
        next(line for line in lines if line.startswith("id: "))
        ask(stage, "What is on the wire?")
        event = [next(line for line in lines if line.startswith(field)) for field in ("id: ", "event: ", "data: ")]
    yield from (f"< {line}" for line in event)
    yield 'There is no "mine" in it, for everybody gets the same text.'


def each_has_its_name(stage):
    """Bob votes, and Alice marks her question as answered: each event has a name, and carries the whole question."""
    with stage.stream() as stream:
        stage.bob.click("Vote for", QUESTION)
        stage.alice.click("Mark as answered", QUESTION)
        for event in stream.take(2, within=5):
            assert event.type == "question_changed", "a change should have its own name"
            question = event.data["question"]
            yield f"< id: {event.id}"
            yield f"< event: {event.type}"
            yield f'< … "votes": {question["votes"]}, "answered": {str(question["answered"]).lower()} …'


def one_more_door(stage):
    """A stream is one more way into the API: Mallory's page may open an EventSource, and hears nothing."""
    assert stage.mallory.page.evaluate(LISTEN, f"{stage.api}/stream") == "error", "mallory's page should hear nothing"
    assert wait_for(2, lambda: any("CORS" in line for line in stage.mallory.console)), "the console should say why"
    yield f"Mallory at\t{stage.stranger.origin}"
    yield f"Console\t{next(line for line in stage.mallory.console if 'CORS' in line).removeprefix('error: ')}"


def only_what_there_is(stage):
    """A reader chooses a channel, but only among those the server has made: no other app's, and nobody else's."""
    answer = stage.program().get("/stream?channel=sse")
    assert answer.status_code == 404, "a channel that was not made should not be there"
    yield from exchange(answer)
    yield f"< {answer.text.strip()}"


def work_that_takes_a_while(stage):
    """An export is accepted, not done: its progress comes on a channel of its own, and the board hears none of it."""
    with stage.stream() as board:
        answer = stage.visitor().post("/api/exports")
        yield from exchange(answer, "Location")
        job = answer.json()["job"]
        with stage.stream(f"job:{job}", last_event_id=0) as own:
            *progress, done = own.take(11, within=10)
        for event in (progress[0], progress[4], progress[9]):
            yield f"< {event.type}: {event.data['percent']} %"
        yield f"< {done.type}: {done.data['url']}"
        assert board.silent(0.2), "the board should hear nothing of it"


def the_lid(stage):
    """Bob closes his laptop, Alice asks twice, Bob opens it again: both are there, once."""
    with stage.bob.offline():
        for text in ("Did Bob miss this?", "And this?"):
            stage.alice.ask(text, "Alice")
            assert stage.alice.sees(text), "alice should see her question"
        yield f"Offline\tBob's page has {stage.bob.page.get_by_role('listitem').count()} questions"
    for text in ("Did Bob miss this?", "And this?"):
        assert stage.bob.sees(text, within=10), "bob should get what he missed"
        assert stage.bob.question(text).count() == 1, "and once"
    yield f"Online\tBob's page has {stage.bob.page.get_by_role('listitem').count()} questions, and nobody reloaded it"


def the_last_number(stage):
    """How? A browser remembers the last number, and says it when it comes back; the log has all that came after."""
    last = stage.newest()
    for text in ("While you were away, 1", "While you were away, 2"):
        ask(stage, text)
    with stage.program().stream("GET", "/stream", headers={"Last-Event-ID": str(last)}, timeout=5) as answer:
        yield from exchange(answer, "Last-Event-ID")
        lines = (line for line in answer.iter_lines() if line.startswith(("id: ", "data: ")))
        for _ in range(2):
            yield f"< {next(lines)}"
            yield f"< … {text_of(next(lines))} …"


def reset(stage):
    """Who brings a number that this log never had is told to begin again, and loads the list."""
    with stage.stream(last_event_id=999_999) as stream:
        event = stream.next(within=5)
    assert event.type == "reset", "a number that never was should be answered with reset"
    yield "> GET /stream"
    yield "> Last-Event-ID: 999999"
    yield f"< id: {event.id}"
    yield f"< event: {event.type}"


def the_server_dies(stage):
    """The API is killed without a goodbye, and started again: every page comes back by itself. Watch yours."""
    state = stage.bob.page.locator("#connection")
    with stage.api_stopped():
        assert stage.bob.sees("reconnecting", within=10), "bob's page should say that it tries"
        yield f"Bob's page\t{state.inner_text()}"
    ask(stage, "Is anybody still there?")
    assert stage.bob.sees("Is anybody still there?", within=10), "bob's page should come back by itself"
    yield f"Bob's page\t{state.inner_text()}, with what was asked since"


def without_the_bell(stage):
    """Redis is stopped: nothing is lost, for it only notifies. Without it, news come up to a second later."""
    with stage.stream() as stream:
        yield f"With Redis\t{delays(stage, stream, 'notified')} ms from the answer to the event"
        with stage.redis_stopped():
            yield f"Without\t{delays(stage, stream, 'not notified')} ms: without a notification it looks once a second"


def they_have_left(stage):
    """Five readers come, and go without a word: the heartbeat finds out, and nothing is left of them."""
    before = connections(stage)
    streams = [stage.stream() for _ in range(5)]
    for stream in streams:
        stream.__enter__()
    yield f"They read\t{len(connections(stage) - before)} more connections"
    for stream in streams:
        stream.__exit__(None, None, None)
    assert wait_for(8, lambda: connections(stage) <= before), "no connection of theirs should be left"
    yield f"They left\t{len(connections(stage) - before)} more connections"


def through_nginx(stage):
    """An nginx that compresses waits for more, and nothing comes through, unless the answer asks it not to wait."""
    if services.nginx_server() is None:
        raise Missing("it needs an nginx, and there is none: python3 -m course doctor says how to get one.")
    yield from exchange(httpx.head(f"{stage.api}/stream"), "X-Accel-Buffering")
    for what, more in (("It heeds it", ""), ("It does not", "proxy_ignore_headers X-Accel-Buffering;")):
        port = free_port()
        http = PROXY.format(port=port, api=stage.api.replace("localhost", "127.0.0.1"), more=more)
        with services.Nginx(http, port):
            came = comes(f"http://127.0.0.1:{port}/stream?last_event_id=0")
        assert came is (not more), "the stream should come through nginx only if it heeds the header"
        yield f"{what}\t{'it comes at once' if came else 'after two seconds not even the headers'}"


def ask(stage, text):
    assert stage.program().post("/api/questions", json={"text": text}).status_code == 201, "it should be asked"


def text_of(data):
    """The text in an event's data line."""
    return re.search(r'"text": "[^"]*"', data)[0]


def delays(stage, stream, text):
    """Milliseconds from the answer to who asks until the event comes, three times."""
    found = []
    for number in "123":
        ask(stage, f"{number}, {text}")
        start = time.monotonic()
        while stream.next(within=5).data["question"]["text"] != f"{number}, {text}":
            pass
        found.append(round(1000 * (time.monotonic() - start)))
    return ", ".join(map(str, found))


def connections(stage):
    """The addresses from which there are open connections to the API, as the system sees it."""
    (process,) = stage.processes
    found = [one for one in process.net_connections("tcp") if one.laddr.port == stage.ports[0]]
    return {one.raddr for one in found if one.status != psutil.CONN_LISTEN}


def comes(url):
    """Whether a stream brings something within two seconds."""
    try:
        with httpx.stream("GET", url, headers={"Accept-Encoding": "gzip"}, timeout=2) as answer:
            return bool(next(answer.iter_lines()))
    except httpx.ReadTimeout:
        return False
