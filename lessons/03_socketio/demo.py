"""Lesson 3 on a projector: a conversation with acknowledgements, and what it takes to lose and double nothing."""

import json
import secrets

from course.demo import exchange
from course.processes import wait_for

QUESTION = "What is an acknowledgement?"
POLLING = "/socket.io/?EIO=4&transport=polling"
KNOCK = """address => new Promise(told => {
    const socket = new WebSocket(address);
    socket.onmessage = () => told("let in");
    socket.onerror = () => told("refused");
})"""


def the_handshake(stage):
    """Socket.IO begins with an ordinary request, in which both sides say what they need to know."""
    answer = stage.program().get(POLLING)
    hello = json.loads(answer.text[1:])
    assert hello["upgrades"] == ["websocket"], "there should be an upgrade to be had"
    yield from exchange(answer)
    yield from (f"{name}\t{value}" for name, value in hello.items())


def the_upgrade(stage):
    """Then it moves up to a WebSocket: one connection that stays open, on which both sides may speak at any time."""
    for name, window in (("Alice", stage.alice), ("Bob", stage.bob)):
        assert window.sees("WebSocket", within=10), f"{name}'s page should have moved up"
        state = " ".join(window.page.locator(".state").inner_text().split())
        yield f"{name}'s page\t{state}"
    yield "Yours says how many are here, too."


def hello(stage):
    """The smallest thing that works, by hand: send a message, and it comes back, with its type before it."""
    post, heard = by_hand(stage)
    post("40")
    yield post('42["message","hello"]')
    yield f"< {heard('42')}"
    yield "4 is Engine.IO's message, and 2 is Socket.IO's event."


def a_receipt(stage):
    """Whoever asks for an acknowledgement gets one: a number says which acknowledgement belongs to what."""
    post, heard = by_hand(stage)
    post("40/board,")
    sent = json.dumps({"text": "Did it arrive?", "key": secrets.token_hex(4)})
    yield post(f'42/board,7["ask",{sent}]')
    acked = heard("43/board,7")
    assert '"ok":true' in acked, "it should have arrived"
    yield f"< {acked}"


def on_the_page(stage):
    """Alice asks, and her page knows that it has arrived; Bob's page, and yours, show her question."""
    stage.alice.ask(QUESTION, "Alice")
    assert stage.alice.sees("Asked. Acknowledged after", within=5), "alice's page should show the acknowledgement"
    yield f"Alice's page\t{stage.alice.page.get_by_text('Asked. Acknowledged after').first.inner_text()}"
    assert stage.bob.sees(QUESTION), "bob's page should show her question"
    yield f"Bob's page\t{stage.bob.question(QUESTION).locator('.text').inner_text()}"


def everybody_but_me(stage):
    """Anna waves: a broadcast goes to everybody, and this one leaves out who sent it."""
    with stage.socket("/") as anna, stage.socket("/") as ben, stage.socket("/", transport="polling") as cleo:
        anna.send("wave", "Anna", namespace="/")
        for name, socket in (("Ben", ben), ("Cleo", cleo)):
            assert socket.next("wave", within=5).data == "Anna", f"{name} should see her wave"
            yield f"{name}\thears wave, by {'WebSocket' if socket is ben else 'long polling'}"
        assert anna.silent("wave"), "anna should not hear herself"
        yield "Anna\thears nothing"


def by_both_doors(stage):
    """A program asks over HTTP, and every socket hears of it: nobody emits, the log of lesson 2 is read aloud."""
    with stage.socket() as anna:
        answer = stage.program().post("/api/questions", json={"text": "Asked by HTTP?"})
        yield from exchange(answer)
        heard = next_about(anna, "question_asked", "Asked by HTTP?")
    yield f'< question_asked, "seq": {heard.data["seq"]}, "text": "Asked by HTTP?"'
    assert stage.bob.sees("Asked by HTTP?"), "bob's page should show it"
    yield "Bob's page shows it, and so does yours."


def three_conversations(stage):
    """One connection carries several conversations, the namespaces; in each of them you are somebody else."""
    with stage.socket("/", "/board", "/jobs") as anna:
        yield f"Connection\tby {anna.transport}"
        names = anna.client.namespaces
        assert len(set(names.values())) == 3, "three namespaces should give three ids"
        for name, sid in names.items():
            yield f"{name}\t{sid}"


def from_the_background(stage):
    """Anna starts an export: a task in the background tells her how far it is, and Ben hears nothing of it."""
    with stage.socket("/jobs") as anna, stage.socket("/jobs") as ben:
        job = anna.call("start_export", namespace="/jobs")["job"]
        yield f"> start_export   < {job}"
        progress = anna.take(10, "job_progress", within=15)
        for event in (progress[0], progress[4], progress[9]):
            yield f"< job_progress: {event.data['percent']} %"
        yield f"< job_done: {anna.next('job_done', within=5).data['url']}"
        assert not ben.heard, "ben should hear nothing of it"


def coming_and_going(stage):
    """Thirty come at once, and go again: everybody is told how many are here, once for all who came together."""
    with stage.socket() as anna:
        before = here(anna)
        yield f"Before\t{before} here"
        class_ = [stage.socket() for _ in range(30)]
        assert wait_for(15, lambda: here(anna) >= before + 30), "they should be counted"
        yield f"They come\t{here(anna)} here"
        for socket in class_:
            socket.leave()
        assert wait_for(15, lambda: here(anna) <= before), "and nobody should stay behind"
        yield f"They go\t{here(anna)} here, told {len([e for e in anna.heard if e.type == 'here'])} times in all"


def an_error_is_a_receipt(stage):
    """What cannot be done is answered by a sentence, and the connection lives on."""
    with stage.socket() as anna:
        for sent in ({"id": 999}, "x"):
            acked = anna.call("vote", sent)
            assert "error" in acked, "what cannot be done should be answered"
            yield f"> vote {json.dumps(sent)}"
            yield f"< {acked['error']}"
        assert anna.call("catch_up", {"after": stage.newest()})["ok"], "the connection should live on"
        yield "> catch_up, on the same connection"
        yield '< "ok": true'


def from_elsewhere(stage):
    """A WebSocket knows no CORS: any page may open one, with your cookies. So the server looks at where it is from."""
    address = f"{stage.api.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket"
    for name, window, wanted in (("Alice", stage.alice, "let in"), ("Mallory", stage.mallory, "refused")):
        got = window.page.evaluate(KNOCK, address)
        assert got == wanted, f"{name.lower()}'s page should be {wanted}"
        yield f"{name}\t{window.page.evaluate('location.origin')} is {got}"
    yield from exchange(stage.visitor(stage.stranger.origin).get(POLLING), "Origin")
    yield '< "Not an accepted origin."'


def nothing_twice(stage):
    """An acknowledgement is lost, so Anna sends her question again, with the same key: it is asked once, not twice."""
    text, key = "Was the question lost, or the acknowledgement?", secrets.token_hex(4)
    ids = []
    for _ in range(2):
        with stage.socket() as anna:
            ids.append(call(anna, "ask", text=text, key=key)["question"]["id"])
            yield f'> ask {{"text": "{text}", "key": "{key}"}}'
            yield f'< "ok": true, "id": {ids[-1]}'
    on_the_board = [each for each in stage.program().get("/api/questions").json() if each["text"] == text]
    assert ids[0] == ids[1] and len(on_the_board) == 1, "it should be there once"
    yield f"Board\thas it {len(on_the_board)} time"


def nothing_lost(stage):
    """Bob's Wi-Fi goes, Alice asks twice, it comes back: his page says how far it had come, and gets the rest."""
    with stage.bob.offline():
        for text in ("Did Bob miss this?", "And this?"):
            stage.alice.ask(text, "Alice")
            assert stage.alice.sees(text, within=5), "alice should see her question"
        yield f"Offline\tBob's page has {stage.bob.page.get_by_role('listitem').count()} questions"
    for text in ("Did Bob miss this?", "And this?"):
        assert stage.bob.sees(text, within=15), "bob should get what he missed"
        assert stage.bob.question(text).count() == 1, "and once"
    yield f"Online\tBob's page has {stage.bob.page.get_by_role('listitem').count()} questions"


def another_engine(stage):
    """The API is killed, and another engine takes its place: gevent for eventlet is one setting. Watch your page."""
    yield f"Before\t{engine(stage)}"
    bob = stage.bob
    with stage.api_stopped(ASYNC_MODE="gevent"):
        assert bob.sees("reconnecting", within=10), "bob's page should say that it tries"
        yield "Bob's page\treconnecting …"
    assert "gevent" in engine(stage), "gevent should serve now"
    yield f"After\t{engine(stage)}"
    stage.program().post("/api/questions", json={"text": "Who serves us now?"})
    assert bob.sees("Who serves us now?", within=15), "bob's page should come back by itself"
    yield f"Bob's page\t{bob.page.locator('#connection').inner_text()}, with what was asked since"


def by_hand(stage):
    """A connection by long polling: what sends a packet, and what waits for one that begins so."""
    program = stage.program()
    url = f"{POLLING}&sid={json.loads(program.get(POLLING).text[1:])['sid']}"

    def post(packet):
        assert program.post(url, content=packet).text == "OK", "the server should take the packet"
        return f"> {packet}"

    def heard(beginning):
        for _ in range(10):
            for packet in program.get(url).text.split("\x1e"):
                if packet.startswith(beginning) and "[" in packet:
                    return packet
        raise AssertionError(f"no {beginning} came")

    return post, heard


def call(socket, verb, **sent):
    acked = socket.call(verb, sent)
    assert acked.get("ok"), f"{verb} should have an acknowledgement, and not: {acked}"
    return acked


def next_about(socket, type, text):
    """The next event of this type that is about the question with this text."""
    while (event := socket.next(type, within=5)).data["question"]["text"] != text:
        pass
    return event


def here(socket):
    """How many are here, as this socket was told last."""
    assert wait_for(5, lambda: any(event.type == "online" for event in socket.heard)), "it should be told who is here"
    return [event.data["count"] for event in socket.heard if event.type == "online"][-1]


def engine(stage):
    """What the API said of its engine when it began."""
    return stage.served.api.printed("Running on")[0].strip(" *").removesuffix(" (Ctrl-C stops it)")
