"""How far lesson 5 goes: one worker on each engine, several behind nginx, and what others make of the same events.

Everything is measured in one run on one machine, so the figures are ratios of each other. The crowd is a process of its
own (load.py). What is the limit of a row is said beside it: with few cores it is often not the server.
"""

import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.table import Table

from . import running, services, steps
from .catalogue import ROOT
from .picture import Panel, bars
from .processes import Process, Trouble, free_port

RATE = 20  # questions a second, for the delays
FEW, MANY = 4, 20  # clients that ask as fast as acknowledgements allow, for the frames
ENOUGH = 530  # seconds after which no other server is begun
BUSY = 0.9  # of a core, from which on it is the limit
SETTINGS = {
    "FLASK_SECRET_KEY": "only for this run",
    "FLASK_GUEST_LIMIT": "1000000 per second",
    "FLASK_GUEST_ASK_LIMIT": "1000000 per second",
    "FLASK_GUEST_SESSION_LIMIT": "1000000 per second",
    "FLASK_HEARTBEAT_SECONDS": "60",  # what is counted is questions
    "FLASK_DEMO_CLASS": "false",
}
ONE, FLEET, NODE, FLOOR = "eventlet", "nginx, {} worker{}", "Node.js socket.io, Redis adapter", "a bare send() loop"
STEP, BEFORE = 11, "eventlet, before step 11"  # the step that sends a block of events once


@dataclass
class Pressed:
    """What a server did while some asked as fast as they could; shares are of one core."""

    frames: float  # a second
    per_cpu: float  # frames for each second that the workers computed
    cpu: float  # of each worker
    load: float  # of the crowd
    machine: float  # of all cores, whoever used them

    @property
    def limit(self):
        """What kept the frames from being more."""
        if self.load > BUSY:
            return "crowd"
        if self.cpu > BUSY:
            return "server"
        return "machine" if self.machine > BUSY * os.cpu_count() else "waiting"


@dataclass
class Row:
    """What was measured of one server with so many clients; seconds and bytes."""

    server: str
    clients: int
    joins: float  # a second, one after the other
    median: float
    p99: float
    missing: int  # events not delivered within five seconds
    few: Pressed  # with FEW who ask
    many: Pressed  # with MANY
    memory: float  # for each client
    lost: int  # clients, so far
    refused: int  # questions, so far


def measure(lesson, quick, note):
    """Yields the rows as they are done, and gives `note` a sentence for what is not. Raises Trouble."""
    must_have_peer()
    seconds, sizes = (0.5, [50]) if quick else (3, [200, 1000])
    worker, end = ["-m", lesson.package], time.monotonic() + ENOUGH

    def by(command, **settings):
        return lambda port, env: alone(command, lesson, port, env | settings)

    def fleet(count):
        return lambda port, env: behind_nginx(lesson, count, port, env)

    servers = [
        (NODE, sizes, node),
        (FLOOR, sizes, by(["-m", "course.floor", "{port}"])),
        (BEFORE, sizes, lambda port, env: before(lesson, port, env)),
        (ONE, sizes, by(worker, FLASK_ASYNC_MODE="eventlet")),
        ("gevent", sizes, by(worker, FLASK_ASYNC_MODE="gevent")),
        ("threading", sizes, by(worker, FLASK_ASYNC_MODE="threading")),
        ("eventlet, permessage-deflate", sizes, by(["-m", "course.varied", "deflate", lesson.package])),
        ("eventlet, no TCP_NODELAY", sizes[:1], by(["-m", "course.varied", "nagle", lesson.package])),
        *[(FLEET.format(n, "s" * (n > 1)), sizes, fleet(n)) for n in range(1, 3 if quick else 4)],
    ]
    for name, sizes, start in servers:
        if time.monotonic() > end:
            note(f"{name}: left out, for the time was over.")
            continue
        try:
            yield from rows(name, sizes, start, seconds)
        except Trouble as trouble:
            if name in {NODE, ONE}:  # with which the others are compared
                raise
            note(f"{name}: {trouble}")


def rows(name, sizes, start, seconds):
    port = free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, services.redis() as redis, Load() as load:
        env = {
            **SETTINGS,
            "FLASK_API_URL": f"http://localhost:{port}",
            "FLASK_REDIS_URL": redis,
            "FLASK_SQLALCHEMY_DATABASE_URI": f"sqlite:///{Path(folder, 'bench.db').as_posix()}",
        }
        with start(port, env) as guards:
            workers = [psutil.Process(guard.popen.pid).children()[0] for guard in guards]
            url, deflate = f"http://localhost:{port}", "deflate" in name
            have = 2 * len(workers)  # a few first, for what a worker makes only once
            load.order("join", url, have, deflate)
            load.order("press", FEW, seconds / 3)
            load.order("rest")
            empty = memory(workers)
            for size in sizes:
                coming, have = size - have, size
                joined = load.order("join", url, coming, deflate)
                steady = load.order("steady", RATE, seconds)
                few, many = (press(load, workers, askers, seconds) for askers in (FEW, MANY))
                yield Row(
                    server=name,
                    clients=size,
                    joins=coming / joined["seconds"],
                    **steady,
                    few=few,
                    many=many,
                    memory=(memory(workers) - empty) / (size - 2 * len(workers)),
                    **load.order("rest"),
                )


def press(load, workers, askers, seconds):
    """What the workers do while so many ask as fast as they can."""
    load.order("press", askers, seconds / 3)
    psutil.cpu_percent()
    worked = computed(workers)
    pressed = load.order("press", askers, seconds)
    worked, machine = computed(workers) - worked, psutil.cpu_percent() / 100 * os.cpu_count()
    load.order("rest")
    return Pressed(
        frames=pressed["frames"] / pressed["seconds"],
        per_cpu=pressed["frames"] / worked,
        cpu=worked / pressed["seconds"] / len(workers),
        load=pressed["cpu"],
        machine=machine,
    )


@contextlib.contextmanager
def before(lesson, port, env):
    """One worker of the lesson as it is before a block of events is sent once."""
    with steps.made(lesson, STEP - 1) as app, alone(["-m", app.package], app, port, env) as guards:
        yield guards


@contextlib.contextmanager
def alone(command, lesson, port, env):
    """One process of Python, at this port."""
    words = [sys.executable, *(word.format(port=port) for word in command)]
    with Process(*words, cwd=lesson.home, env=env | {"PYTHONPATH": str(ROOT)}) as process:
        process.wait_until_it_answers(port, "A worker")
        yield [process]


@contextlib.contextmanager
def behind_nginx(lesson, count, port, env):
    with running.Fleet(lesson, env, count, port) as fleet:
        yield fleet.workers.values()


@contextlib.contextmanager
def node(port, env):
    with Process(*services.node().command, PEER, str(port), env["FLASK_REDIS_URL"]) as process:
        process.wait_until_it_answers(port, "The Node.js server")
        yield [process]


PEER = Path(__file__).with_name("peer.mjs")


def must_have_peer():
    if not services.node() or not (ROOT / "node_modules" / "socket.io").is_dir():
        raise Trouble("The Node.js server to compare with is missing; this brings it, once: python3 -m course test -h")


class Load:
    """The crowd, in its own process: see load.py."""

    def __enter__(self):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        command = [sys.executable, "-m", "course.load"]
        self.process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes)
        return self

    def order(self, *words):
        """Have something done, and give the answer. Raises Trouble."""
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(words), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise Trouble("the crowd could not go on; what it said last stands above.")
        return json.loads(answer)

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def computed(processes):
    """Seconds of a core that they have used."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def memory(processes):
    """What they have in memory: what they share with others in parts (PSS), where the system tells, or not at all."""
    found = [process.memory_full_info() for process in processes]
    return sum(getattr(each, "pss", each.uss) for each in found)


def pressed(askers, which):
    """The columns of one load, as [(heading, cell), …]: see COLUMNS."""

    def ratio(row, node):
        return f"{which(row).per_cpu / which(node).per_cpu:.2f}" if node else ""

    return [
        (f"{askers} ask: frames/s", lambda row, node: f"{which(row).frames:,.0f}"),
        ("per CPU s", lambda row, node: f"{which(row).per_cpu:,.0f}"),
        ("of Node's", ratio),
        ("limit", lambda row, node: which(row).limit),
    ]


COLUMNS = [  # the heading of each column, and what stands in it, for a row and Node's with as many clients
    ("server", lambda row, node: row.server),
    ("clients", lambda row, node: f"{row.clients:,}"),
    ("joins/s", lambda row, node: f"{row.joins:,.0f}"),
    *pressed(FEW, lambda row: row.few),
    *pressed(MANY, lambda row: row.many),
    ("KiB/client", lambda row, node: f"{row.memory / 1024:.0f}"),
    ("median", lambda row, node: f"{row.median * 1000:.0f} ms"),
    ("99th", lambda row, node: f"{row.p99 * 1000:.0f} ms" + f", {row.missing:,} late" * bool(row.missing)),
]
WIDTH = 180  # of the table on the screen, in characters
LEGEND = f"""\
A frame is one question that reached one client; {FEW} or {MANY} clients ask as fast as their acknowledgements come.
*joins/s*: connections, one after the other. *per CPU s*: frames for each second that the workers computed.
*of Node's*: that, beside Node.js with as many clients.
*limit*: what kept the frames from being more: the server, the crowd that counts them, the machine, or waiting for
answers. Where that is not the server, it can do more than stands here.
*KiB/client*: memory of the workers. *median*, *99th*: from `ask` to delivery at {RATE} questions a second.
Node.js keeps no questions: what a lesson does for an `ask`, in its database, weighs most when few are there to be told.
Its memory is that of a heap which grows and shrinks by itself.
"""


class Report:
    """The rows so far, as a table on the screen, and in the end as Markdown and as a picture."""

    def __init__(self, quick=False):
        self.command = "python3 -m course bench 5" + " --quick" * quick
        self.rows, self.notes, self.before = [], [], psutil.cpu_percent(interval=1) / 100 * os.cpu_count()

    def add(self, row):
        """Keep a row, and give its cells."""
        self.rows.append(row)
        return self.cells(row)

    def cells(self, row):
        return [cell(row, self.find(NODE, row.clients)) for _, cell in COLUMNS]

    def find(self, server, clients):
        return next((row for row in self.rows if (row.server, row.clients) == (server, clients)), None)

    @property
    def machine(self):
        system, python = f"{platform.system()} {platform.machine()}", platform.python_version()
        return f"{os.cpu_count()} cores, {self.before:.1f} of them in use before; {system}, Python {python}"

    def aims(self):
        """What was aimed at, as [(verdict, sentence), …]."""
        most = max(row.clients for row in self.rows)
        one, node, before = (self.find(name, most) for name in (ONE, NODE, BEFORE))
        alone, two = (self.find(FLEET.format(*how), most) for how in ((1, ""), (2, "s")))
        for askers, aim, ours, theirs in ((FEW, 0.95, one.few, node.few), (MANY, 1.1, one.many, node.many)):
            ratio = ours.per_cpu / theirs.per_cpu
            yield (
                verdict(ratio >= aim),
                f"On the default engine at least {aim} of the frames of Node.js for each CPU second, with {most:,} "
                f"clients of which {askers} ask: {ours.per_cpu:,.0f} to {theirs.per_cpu:,.0f}, {ratio:.2f}.",
            )
        if before:
            ratio = one.few.per_cpu / before.few.per_cpu
            yield verdict(ratio >= 3), f"Three times what it was before step {STEP}: {ratio:.1f} times."
        yield (
            verdict(one.memory < 70 * 1024),
            f"Less than 70 KiB of memory for each client, with {most:,}: {one.memory / 1024:.0f} KiB.",
        )
        if alone and two:
            yield (
                verdict(two.few.frames >= 1.6 * alone.few.frames, alone.few, two.few),
                f"Two workers at least 1.6 times the frames/s of one: {two.few.frames / alone.few.frames:.2f} times, "
                f"and for each CPU second {two.few.per_cpu / alone.few.per_cpu:.2f} of what one delivers.",
            )
        for row, aim in ((self.find(ONE, 200), 0.02), (self.find(ONE, 1000), 0.04)):
            if row:
                yield (
                    verdict(row.p99 < aim and not row.missing),
                    f"A 99th percentile under {aim * 1000:.0f} ms, at {RATE} questions a second to {row.clients:,} "
                    f"clients: {row.p99 * 1000:.0f} ms.",
                )

    def markdown(self):
        lines = [f"Measured by `{self.command}` ({self.machine}).", ""]
        lines += [f"| {' | '.join(heading for heading, _ in COLUMNS)} |", "|---" + "|--:" * (len(COLUMNS) - 1) + "|"]
        lines += [f"| {' | '.join(self.cells(row))} |" for row in self.rows]
        lines += ["", LEGEND, *[f"- **{verdict}** {sentence}" for verdict, sentence in self.aims()]]
        lines += [f"- {note}" for note in self.remarks()] + [""]
        return "\n".join(lines)

    def remarks(self):
        """A sentence for each server that was not measured, and for each row with lost clients or refused questions."""
        yield from self.notes
        for row in self.rows:
            if row.lost or row.refused:
                yield f"{row.server}, {row.clients:,} clients: {row.lost} lost, {row.refused} questions refused."

    def picture(self):
        """Three rows of bars: frames for each CPU second, memory, and the slowest deliveries."""
        most = max(row.clients for row in self.rows)
        few = 200 if most > 200 else most
        servers = [name for name in dict.fromkeys(row.server for row in self.rows) if name != FLOOR]
        node, floor = self.find(NODE, most), self.find(FLOOR, most)

        def of(clients, value):
            return [row and value(row) for row in (self.find(name, clients) for name in servers)]

        return bars(
            title="One lesson, many ways to serve it",
            names=servers,
            strong=[ONE],
            panels=[
                Panel(
                    f"frames per CPU s, {most:,} clients",
                    of(most, lambda row: row.few.per_cpu),
                    node.few.per_cpu,
                    "Node.js",
                ),
                Panel(f"KiB for each of {most:,} clients", of(most, lambda row: row.memory / 1024), 70, "aim"),
                Panel(f"99th percentile in ms, {few} clients", of(few, lambda row: row.p99 * 1000), 20, "aim"),
            ],
            note=f"{self.machine}. A bare send() loop: {floor.few.per_cpu:,.0f} frames. The longest bars are cut.",
        )


def line(cells=None):
    """A line of the table for the screen, as wide as every other; the headings unless there are `cells`."""
    headings = [heading for heading, _ in COLUMNS]
    table = Table.grid(padding=(0, 2, 0, 0))
    for number, heading in enumerate(headings):
        width = max(len(heading), 7 if number else len(NODE))
        table.add_column(width=width, justify="right" if number else "left")
    table.add_row(*(cells or headings), style="" if cells else "bold")
    return table


def verdict(met, *compared):
    """Whether an aim is met; nobody knows where the crowd or the machine was the limit of what is compared."""
    if {"crowd", "machine"} & {each.limit for each in compared}:
        return "cannot be judged here"
    return "met" if met else "missed"
