"""What the notes try, at one worker or at two, each by its address: python lessons/05_scaling/try_it.py hello A B."""

import time
from urllib.parse import urlsplit

import click
import httpx
from socketio import SimpleClient
from socketio.exceptions import TimeoutError

PHYSICS = {"room": "physics"}


@click.group()
def try_it():
    """Ada, grace and ben are in the demo class, with the password live-flask."""


@try_it.command()
@click.argument("worker")
def numbers(worker):
    """What the workers measure of themselves, as grace sees it, who teaches."""
    with httpx.Client(base_url=worker) as grace:
        grace.post("/api/login", json=password_of("grace"))
        click.echo(grace.get("/hall/numbers").text.strip())


@try_it.command()
@click.argument("one")
@click.argument("other")
def hello(one, other):
    """Say hello at one worker, and listen at both."""
    clients = SimpleClient(), SimpleClient()
    for client, worker in zip(clients, (one, other), strict=True):
        client.connect(worker)
    httpx.post(f"{one}/hello", content="Good morning")
    for client, worker in zip(clients, (one, other), strict=True):
        click.echo(f"{urlsplit(worker).port} hears {heard(client, 'message')}")


@try_it.command()
@click.argument("one")
@click.argument("other")
def poll(one, other):
    """Begin a session of long polling at one worker, and go on with it at another."""
    path = "/socket.io/?EIO=4&transport=polling"
    sid = httpx.get(one + path).text.split('"')[3]
    answer = httpx.get(f"{other}{path}&sid={sid}")
    click.echo(f"{answer.status_code} {answer.text}")


@try_it.command()
@click.argument("one")
@click.argument("other")
def names(one, other):
    """Ada enters physics at one worker, and grace at the other: the names that each gets."""
    with entered(one, "ada") as ada, entered(other, "grace") as grace:
        time.sleep(1)  # the workers look at each other's lists five times a second
        for client, worker in ((ada, one), (grace, other)):
            click.echo(f"{urlsplit(worker).port} {client.call('enter', PHYSICS)['names']}")


@try_it.command()
@click.argument("one")
@click.argument("other")
def whisper(one, other):
    """Ada whispers at one worker, and grace listens at the other."""
    with entered(one, "ada") as ada, entered(other, "grace") as grace:
        time.sleep(1)
        click.echo(ada.call("whisper", {"to": "grace", "text": "Psst"}))
        click.echo(f"grace hears {heard(grace, 'whisper')}")


def entered(worker, name):
    """A client of somebody who is in physics."""
    client = SimpleClient()
    token = httpx.post(f"{worker}/api/tokens", json=password_of(name)).json()
    client.connect(worker, auth=PHYSICS | token, namespace="/board")
    return client


def password_of(name):
    return {"name": name, "password": "live-flask"}


def heard(client, type):
    """The text of the next event of this type; "nothing" if none comes in a second."""
    try:
        while True:
            event, data = client.receive(timeout=1)
            if event == type:
                return data["text"] if isinstance(data, dict) else data
    except TimeoutError:
        return "nothing"


if __name__ == "__main__":
    try_it()
