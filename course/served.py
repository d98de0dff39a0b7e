"""The lesson under test: served by real processes, looked at from outside."""

import contextlib
import copy
import dataclasses
import json
import os
import re
import secrets
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading

import psutil
import redis

from . import running, services
from .processes import free_port, wait_for

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # for clients of plain HTTP: to read certificates takes each 25 ms
USERS = """
import importlib, json, sys

flask = importlib.import_module(sys.argv[1]).create_app().test_cli_runner()
print(json.dumps([flask.invoke(args=["users", *words]).output for words in json.loads(sys.argv[2])]))
"""


class LessonUnderTest:
    """A lesson that is being served: where it is (`api`, `page`), who may visit, what its server's log says."""

    page_later = True  # the page is served when somebody first asks for it
    wire = None  # what stands between its parts, and shows what goes to and fro: see wire/

    def __init__(self, lesson, folder, engine=None, workers=None):
        self.lesson, self.workers = lesson, workers
        self.database = folder / "test.db"
        self.env = {
            "FLASK_SQLALCHEMY_DATABASE_URI": f"sqlite:///{self.database.as_posix()}",
            "FLASK_SECRET_KEY": secrets.token_hex(),
            "FLASK_HEARTBEAT_SECONDS": "1",
            "FLASK_EXPORT_SECONDS": "1",
            "FLASK_LOGIN_LIMIT": "1000 per minute",
            "FLASK_ASK_LIMIT": "1000 per minute",
            "FLASK_ADDRESS_LIMIT": "5000 per minute",
            "FLASK_EXPORT_LIMIT": "1000 per minute",
            "FLASK_ROOM_LIMIT": "1000 per minute",
            "FLASK_GUEST_ASK_LIMIT": "3000 per minute",
            "FLASK_GUEST_EXPORT_LIMIT": "3000 per minute",
            "FLASK_GUEST_SESSION_LIMIT": "3000 per minute",
            **({"FLASK_ASYNC_MODE": engine} if engine else {}),
        }
        self.path, self.kept = None, {}  # the test file that it serves, and what the tests of that file share
        self.settings = {}  # those that `api_stopped` has set otherwise
        self.ports = free_port(), free_port()
        self.redis_port = free_port()
        self.parts = contextlib.ExitStack()

    def __enter__(self):
        if self.lesson.needs_redis:
            self.start_redis()
        how = {"env": self.env, "workers": self.workers, "page_later": self.page_later, "wire": self.wire}
        self.served = self.parts.enter_context(running.serve(self.lesson, *self.ports, **how))
        self.api = self.served.api_url
        if self.workers and not self.lesson.has_workers:
            self.api = self.at(0)
        return self

    def __exit__(self, *_):
        self.parts.close()
        if self.lesson.needs_redis:
            self.redis.__exit__(None, None, None)

    @property
    def page(self):
        """Where the page is, as soon as it answers; it is served from the first time on."""
        self.begin_page()
        if self.served.page:
            self.served.page.wait_until_it_answers(self.ports[1], "The page")
        return self.served.page_url

    def begin_page(self):
        if self.lesson.has_page and not self.served.page:
            self.served.page = self.served.start_page()

    def begin(self, path):
        """Serve this test file from now on: with no question on the board, and the settings it began with."""
        if path == self.path:
            return
        if self.path:
            if self.settings or not all(process.running for process in self.guards) or not self.is_quiet():
                with self.api_stopped():
                    pass
            self.empty()
        self.path, self.kept = path, {}

    def empty(self):
        """Take every question off the board."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as connection, connection:
            for table in ("vote", "asked", "question"):
                with contextlib.suppress(sqlite3.OperationalError):  # not every lesson has each
                    connection.execute(f"DELETE FROM {table}")

    def multiply(self, id, times):
        """Put so many copies of a question on the board, past the API: for a test that needs hundreds."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as connection, connection:
            names = [name for _, name, *_ in connection.execute("PRAGMA table_info(question)") if name != "id"]
            copied = f"INSERT INTO question ({', '.join(names)}) SELECT {', '.join(names)} FROM question WHERE id = ?"
            connection.executemany(copied, [(id,)] * times)

    def is_quiet(self):
        """Whether who comes now is alone, and hears of nothing that was asked before; or there are no sockets."""
        with contextlib.suppress(Exception), self.socket() as newcomer:
            newest = self.newest()

            def told(what):
                return [event.data[what] for event in newcomer.heard if what in event.data]

            return wait_for(2, lambda: told("count")[-1:] in ([], [1]) and (not told("seq") or newest in told("seq")))
        return True

    def start_redis(self):
        self.redis = services.redis(self.redis_port)
        self.env["FLASK_REDIS_URL"] = self.redis.__enter__()

    @contextlib.contextmanager
    def table_missing(self, table):
        """For the time of the block the database lacks a table."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as connection:
            connection.execute("PRAGMA legacy_alter_table = ON")
            connection.execute(f"ALTER TABLE {table} RENAME TO removed_by_the_test")
            connection.commit()
            try:
                yield
            finally:
                connection.execute(f"ALTER TABLE removed_by_the_test RENAME TO {table}")
                connection.commit()

    @contextlib.contextmanager
    def redis_stopped(self):
        """For the time of the block there is no Redis; then there is an empty one at the same address."""
        self.redis.__exit__(None, None, None)
        try:
            yield
        finally:
            self.start_redis()

    @contextlib.contextmanager
    def redis_hung(self):
        """For the time of the block Redis answers nobody, though its connections are open. Needs a real Redis."""
        with redis.Redis(port=self.redis_port) as client:
            server = psutil.Process(client.info("server")["process_id"])
        server.suspend()
        try:
            yield
        finally:
            server.resume()

    @contextlib.contextmanager
    def api_stopped(self, **settings):
        """For the time of the block there is no API: killed, without a goodbye. Other `settings` are for the next."""
        self.settings = settings
        env = self.served.env | {f"FLASK_{name}": str(value) for name, value in settings.items()}
        if self.workers:
            ports = list(self.served.api.workers)
            for port in ports:
                self.kill(port)
            try:
                yield
            finally:
                self.served.api.env = env
                for port in ports:
                    self.served.api.start(port)
                for port in ports:
                    self.served.api.workers[port].wait_until_it_answers(port, "A worker")
            return
        kill(self.served.api)
        try:
            yield
        finally:
            self.served.api = self.parts.enter_context(running.start_api(self.lesson, env))
            self.served.api.wait_until_it_answers(self.ports[0], "The API")

    @contextlib.contextmanager
    def another_api(self, **settings):
        """One more API while the block runs: the lesson at another address, with these settings.

        It serves the same board, so a test need not stop the other one to have other settings.
        """
        there, port = copy.copy(self), free_port()
        there.api, there.ports, there.workers = f"http://localhost:{port}", (port, self.ports[1]), None
        own = {"FLASK_API_URL": there.api, **{f"FLASK_{name}": str(value) for name, value in settings.items()}}
        env = self.served.env | own
        with running.start_api(self.lesson, env) as api:
            api.wait_until_it_answers(port, "One more API")
            there.served = dataclasses.replace(self.served, api_url=there.api, env=env, api=api)
            yield there

    @property
    def guards(self):
        """What watches over those that serve the API: one process, or the workers."""
        return list(self.served.api.workers.values()) if self.workers else [self.served.api]

    @property
    def processes(self):
        """Those that serve the API."""
        return [served_by(each) for each in self.guards]

    @property
    def places(self):
        """The ports of these processes."""
        return list(self.served.api.workers) if self.workers else [self.ports[0]]

    def at(self, number):
        """The address of one of them, without nginx."""
        port = self.places[number]
        return f"http://localhost:{self.served.api.past.get(port, port) if self.workers else port}"

    def kill(self, port):
        """End a worker without a goodbye."""
        kill(self.served.api.workers[port])

    @property
    def environ(self):
        """The environment in which a process works on the same board."""
        return {**os.environ, **self.served.env}

    def visitor(self, origin=None, **options):
        """A browser, as far as HTTP goes: it has cookies of its own and sends an Origin, the page's unless told."""
        headers = {"Origin": origin or self.served.page_url}
        return self.client(**{"base_url": self.api, "headers": headers, "verify": PLAIN, **options})

    def client(self, **options):
        import httpx  # here, as the clients below: so that a lesson can be served before all this is loaded

        return self.parts.enter_context(httpx.Client(**options))

    def person(self, name, password="live-flask"):
        """A visitor who has signed in; grace, ada and ben are in the demo class.

        To check a password takes the server long. So she signs in once, in a browser that she has for the whole test
        file; until she signs out there, each time she is asked for is one more window of it.
        """
        people = self.kept.setdefault("people", {})
        if name in people:
            window = self.visitor(cookies=people[name].cookies)
            answer = window.get("/api/me")
            if answer.is_success and answer.json()["name"] == name:
                return window
        people[name] = self.sign_in(name, password)
        return self.visitor(cookies=people[name].cookies)

    def somebody(self, name):
        """This person; as long as the lesson has no way to sign in, a guest with a browser of their own."""
        visitor = self.visitor()
        if visitor.get("/api/me").status_code != 404:
            return self.person(name)
        visitor.put("/api/browser")
        return visitor

    def sign_in(self, name, password="live-flask"):
        """The same in a new browser: she signs in there now."""
        visitor = self.visitor()
        answer = visitor.post("/api/login", json={"name": name, "password": password})
        assert answer.status_code == 200, f"{name} should be able to sign in: {answer.text}"
        return visitor

    def join(self, person, room="physics"):
        """Let somebody join a room in which grace teaches, by the code that it has now.

        As long as the lesson's rooms have no members, there is nothing to do. A code that nobody is told is the first.
        """
        rooms = self.person("grace").get("/api/me").json().get("rooms")
        if rooms is None:
            return
        (code,) = [each.get("code", "apple") for each in rooms if each["name"] == room]
        answer = person.post(f"/api/rooms/{room}/members", json={"code": code})
        assert answer.status_code == 201, answer.text

    def program(self):
        """A program such as curl: it sends no Origin, and nothing keeps it from reading the answers."""
        return self.client(base_url=self.api, verify=PLAIN)

    def preflight(self, path, method, origin=None, headers="content-type"):
        """The question a browser asks before it sends such a request for a page."""
        asks = {
            "Origin": origin or self.served.page_url,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": headers,
        }
        return self.program().options(path, headers=asks)

    def requests(self, method, path, at_least=1, within=5):
        """The log's lines of these requests, as soon as there are so many, or the seconds are over."""
        return self.served.api.printed(rf'"{method} {re.escape(path)} HTTP', at_least, within)

    @contextlib.contextmanager
    def stream(self, channel="board", last_event_id=None, address=None, visitor=None):
        """An event stream, read by an independent client, with the cookies of a visitor: see stream.py."""
        from .testkit.stream import EventStream

        headers = cookie_of(visitor)
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        url = f"{address or self.api}/stream"
        with EventStream(url, {"channel": channel}, {"Origin": self.served.page_url, **headers}) as stream:
            yield stream

    @contextlib.contextmanager
    def asking(self):
        """For the time of the block somebody asks five times a second: a stream may send nothing until then."""
        over, visitor = threading.Event(), self.visitor()

        def ask():
            while not over.wait(0.2):
                visitor.post("/api/questions", json={"text": "Is anything happening?"})

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def flask(self, *words):
        """Run a command of the lesson's own, `flask --app … users add ada`; gives what it printed."""
        return self.run("-m", "flask", "--app", self.lesson.package, *words)

    def users(self, *commands):
        """Run `flask --app … users …` for each of these lists of words, in one process; gives what each printed."""
        return json.loads(self.run("-c", USERS, self.lesson.package, json.dumps(commands)).splitlines()[-1])

    def run(self, *words):
        how = {"cwd": self.lesson.home, "env": self.environ, "text": True, "encoding": "utf-8", "timeout": 60}
        return subprocess.run([sys.executable, *words], **how, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout

    def socket(self, *namespaces, client=None, transport="websocket", visitor=None, auth=None, **options):
        """A Socket.IO client on these namespaces (/board unless told), with the cookies of a visitor: see sockets.py.

        `client` is python-socketio's unless told. `transport` is websocket, polling, or None for the usual way: polling
        first, then the upgrade. `answers` has what it answers to events of these types, `origin` the origin that it
        tells, `address` where it connects if not to the API. With `comes_back` it connects again when it is cut off.
        Raises ConnectionError.
        """
        from .testkit.sockets import PythonSocket

        cookie = cookie_of(visitor).get("Cookie", "")
        origin, answers = options.get("origin", self.served.page_url), options.get("answers", {})
        address = options.get("address", self.api)
        who = origin, cookie, auth
        comes_back = options.get("comes_back", False)
        return (client or PythonSocket)(address, list(namespaces) or ["/board"], transport, *who, answers, comes_back)

    def newest(self):
        """The number of the newest event, as a stream tells a newcomer."""
        with self.program().stream("GET", "/stream") as answer:
            return next(int(line.removeprefix("id: ")) for line in answer.iter_lines() if line.startswith("id: "))


def served_by(process):
    """What a guard watches."""
    return psutil.Process(process.popen.pid).children()[0]


def kill(process):
    """End what a guard watches, without a goodbye."""
    served_by(process).kill()
    process.popen.wait()


def cookie_of(visitor):
    """The header that brings a visitor's cookies; none without a visitor, or without cookies."""
    cookies = visitor.cookies.items() if visitor else ()
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies)} if cookies else {}


class Cable:
    """A connection to a local port that can be cut, and mended: `url` is Redis behind it.

    `hush` lets what is connected now stay so and say nothing more; who connects later is served.
    """

    def __init__(self, port):
        self.port, self.own = port, free_port()
        self.url = f"redis://127.0.0.1:{self.own}/0"
        self.ends, self.hushed = [], set()
        self.listening = None

    def __enter__(self):
        self.mend()
        return self

    def __exit__(self, *_):
        self.cut()

    def mend(self):
        self.listening = socket.create_server(("127.0.0.1", self.own))
        threading.Thread(target=self.accept, args=[self.listening], daemon=True).start()

    def cut(self):
        if self.listening:
            self.listening.shutdown(socket.SHUT_RDWR)
            self.listening.close()
            self.listening = None
        while self.ends:
            with contextlib.suppress(OSError):
                self.ends.pop().shutdown(socket.SHUT_RDWR)

    def hush(self):
        self.hushed.update(self.ends)

    def accept(self, listening):
        with contextlib.suppress(OSError):
            while True:
                here, _ = listening.accept()
                there = socket.create_connection(("127.0.0.1", self.port))
                self.ends += [here, there]
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=self.carry, args=[one, other], daemon=True).start()

    def carry(self, one, other):
        with one, other:
            with contextlib.suppress(OSError):
                while data := one.recv(65536):
                    if one not in self.hushed:
                        other.sendall(data)
            for end in (one, other):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)  # one that is only closed stays open while a thread reads from it
