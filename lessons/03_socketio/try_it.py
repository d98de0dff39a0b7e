"""A Socket.IO client for the terminal: python lessons/03_socketio/try_it.py --help"""

import contextlib
import http.client
import json
import os
from http.cookiejar import MozillaCookieJar
from urllib.parse import urlsplit

import click
import requests
from socketio import Client, SimpleClient, exceptions

API = os.environ.get("FLASK_API_URL", "http://localhost:5103")
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the example of RFC 6455
to = click.option("--to", default="/", help="The namespace.")


@click.group()
def cli():
    """Be a client of lesson 3's API. An ARGUMENT is JSON, or else a text."""


@cli.command()
@click.argument("packets", nargs=-1)
def poll(packets):
    """Connect by long polling, POST each of the PACKETS, and GET the answers."""
    url = f"{API}/socket.io/?EIO=4&transport=polling"
    opened = requests.get(url, timeout=5).text
    print("GET ", opened)
    url += f"&sid={json.loads(opened[1:])['sid']}"
    for packet in packets:
        print("POST", packet, "->", requests.post(url, packet, timeout=5).text)
    for packet in requests.get(url, timeout=5).text.split("\x1e"):
        print("GET ", packet)


@cli.command()
def upgrade():
    """Ask for a WebSocket, and print the head of the answer."""
    api = http.client.HTTPConnection(urlsplit(API).netloc, timeout=5)
    wanted = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY}
    api.request("GET", "/socket.io/?EIO=4&transport=websocket", headers=wanted)
    answer = api.getresponse()
    print(answer.status, answer.reason)
    print(answer.headers["Sec-WebSocket-Accept"])


@cli.command()
@click.argument("event")
@click.argument("arguments", nargs=-1)
@click.option("--cookies", help="A file of cookies, as curl writes it.")
@to
def call(event, arguments, cookies, to):
    """Send EVENT and print its acknowledgement."""
    client = connected(to, cookies)
    try:
        answer = client.call(event, tuple(map(value, arguments)), timeout=5)
    except exceptions.TimeoutError:
        raise click.ClickException(f"No acknowledgement in 5 s. Is there a handler for {event} on {to}?") from None
    print(json.dumps(answer, ensure_ascii=False))


@cli.command()
@click.argument("event")
@click.argument("arguments", nargs=-1)
@to
def emit(event, arguments, to):
    """Connect two clients, send EVENT from the first, and print what each of them receives."""
    first, second = connected(to), connected(to)
    first.emit(event, tuple(map(value, arguments)))
    show(first=first, second=second)


@cli.command()
@click.argument("path")
@click.argument("body")
@to
def post(path, body, to):
    """Connect one client, POST the BODY to a PATH of the API, and print what the client receives."""
    client = connected(to)
    requests.post(API + path, body, headers={"Content-Type": "application/json"}, timeout=5)
    show(client=client)


@cli.command()
@click.argument("namespaces", nargs=-1)
def connect(namespaces):
    """Connect to some NAMESPACES over one connection, and print the id in each."""
    client = Client()
    client.connect(API, namespaces=list(namespaces), wait_timeout=5)
    print(client.transport(), json.dumps(client.namespaces))


def connected(namespace, cookies=None):
    """A client on a namespace; it leaves when the program ends, for Flask's server answers a goodbye after 3 s only."""
    client = SimpleClient(reconnection=False)
    client.connect(API, {"Cookie": header(cookies)} if cookies else {}, namespace=namespace)
    return client


def show(**clients):
    """Print what each client receives, until it receives nothing for a second."""
    for name, client in clients.items():
        try:
            while True:
                print(f"{name}:", *client.receive(timeout=1))
        except exceptions.SocketIOError:  # nothing came in time, or nothing can come any more
            if not client.connected:
                print(f"{name}: disconnected")


def header(cookies):
    jar = MozillaCookieJar(cookies)
    jar.load(ignore_discard=True)
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def value(text):
    with contextlib.suppress(ValueError):
        return json.loads(text)
    return text


if __name__ == "__main__":
    cli()
