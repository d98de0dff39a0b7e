"""Try what the notes show, at the command line: a client of this lesson's API, which prints its answers."""

import json
import os
import time

import click
import httpx
from socketio import SimpleClient
from socketio.exceptions import ConnectionError

API = os.environ.get("FLASK_API_URL", "http://localhost:5104")
PASSWORD = "live-flask"  # of everybody in the demo class

signed_in = click.option("--as", "name", help="Sign in first, as grace, ada or ben.")


def browser(name):
    """A client with cookies of its own; it has signed in if there is a name."""
    client = httpx.Client(base_url=API, timeout=2)
    if name:
        client.post("/api/login", json={"name": name, "password": PASSWORD}).raise_for_status()
    return client


def connect(browser, **auth):
    """A Socket.IO client on /board with the cookies of a browser; a sentence and the end, if it is refused."""
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    client = SimpleClient(reconnection=False)
    try:
        client.connect(API, headers={"Cookie": cookie} if cookie else {}, auth=auth, namespace="/board")
    except ConnectionError:
        raise SystemExit(f"The API at {API} refused the connection, or none runs there.") from None
    return client


def fields(words):
    """What is sent: words such as room=physics and after=0, as {"room": "physics", "after": 0}."""
    pairs = [word.split("=", 1) for word in words]
    return {name: int(value) if value.isdigit() else value for name, value in pairs}


@click.group()
def try_it():
    """Try what the notes show."""


@try_it.command()
@click.argument("event")
@click.argument("words", nargs=-1)
@signed_in
@click.option("--token", is_flag=True, help="Bring a token in place of a cookie.")
@click.option("--in", "room", default="lobby", help="Connect to this room.")
@click.option("--windows", default=1, help="Open so many connections.")
def call(event, words, name, token, room, windows):
    """Send an EVENT with WORDS such as room=physics, and print its acknowledgement."""
    auth = {"room": room}
    if token:
        auth["token"] = browser(None).post("/api/tokens", json={"name": name, "password": PASSWORD}).json()["token"]
    client = browser(None if token else name)
    sockets = [connect(client, **auth) for _ in range(windows)]
    click.echo(json.dumps(sockets[0].call(event, fields(words)), ensure_ascii=False))


@try_it.command()
@click.argument("method")
@click.argument("path")
@click.argument("words", nargs=-1)
@signed_in
@click.option("--times", default=1, help="Do it so often, and print the last answer.")
def http(method, path, words, name, times):
    """Send a request with WORDS such as code=apple as JSON, and print its status and its answer."""
    client = browser(name)
    for _ in range(times):
        answer = client.request(method, path, json=fields(words) if words else None)
    click.echo(f"{answer.status_code} {answer.text.strip()}")


@try_it.command()
@click.argument("room")
def hear(room):
    """Ask in a ROOM as a guest, and print who hears it: a connection in the room, and one in the lobby."""
    guest = browser(None)
    sockets = {room: connect(guest, room=room), "lobby": connect(guest)}
    guest.post(f"/api/questions?room={room}", json={"text": "What is light?"})
    time.sleep(1)
    for place, socket in sockets.items():
        heard = [event for event, *_ in socket.input_buffer if event.startswith("question")]
        click.echo(f"{place}: {' '.join(heard) or 'nothing'}")


@try_it.command("sign-out")
@signed_in
def sign_out(name):
    """Open a socket and a stream, sign out, and print what has become of them a second later."""
    client = browser(name)
    socket = connect(client, room="physics")
    with client.stream("GET", "/stream?channel=room:physics") as stream:
        client.post("/api/logout")
        time.sleep(1)
        click.echo(f"socket: {'open' if socket.connected else 'closed'}")
        try:
            for _ in stream.iter_lines():
                pass
            click.echo("stream: closed")
        except httpx.ReadTimeout:
            click.echo("stream: open")


if __name__ == "__main__":
    try_it()
