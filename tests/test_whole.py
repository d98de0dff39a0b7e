"""What must hold for the course as a whole."""

import contextlib
import filecmp
import importlib
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from course import running
from course.catalogue import ROOT, Lesson, before, lessons
from course.diff import files

LESSONS = list(lessons().values())
SOME = [pytest.param(each, marks=() if each in LESSONS[::4] else pytest.mark.long) for each in LESSONS]
each_lesson = pytest.mark.parametrize("each", LESSONS, ids=lambda lesson: lesson.name)


@pytest.fixture(scope="module", params=SOME, ids=lambda lesson: lesson.name)
def copied_out(request, tmp_path_factory):
    """A lesson's folder, copied out and served."""
    folder = tmp_path_factory.mktemp("copied") / "myapp"
    ignore = shutil.ignore_patterns("tests", "labs")
    with running.serve(Lesson(shutil.copytree(request.param.folder, folder, ignore=ignore))) as served:
        yield served


def test_a_lesson_copied_out_is_an_app_of_its_own(copied_out):
    asked = httpx.post(f"{copied_out.api_url}/api/questions", json={"text": "Do I travel well?"})

    assert asked.status_code == 201
    assert copied_out.api_url in httpx.get(f"{copied_out.page_url}/config.js").text
    instance = copied_out.lesson.folder.parent / "instance"
    assert {path.name for path in instance.glob("*")} >= {"myapp.db", "secret_key"}
    if os.name == "posix":
        modes = {path.name: stat.filemode(path.stat().st_mode) for path in (instance, *instance.iterdir())}
        assert modes.pop("instance") == "drwx------"
        assert set(modes.values()) == {"-rw-------"}, "no other account of the machine reads sessions or the key"


def test_a_page_asks_nobody_but_its_own_two_origins(copied_out, chromium):
    page = chromium.new_page()
    asked = set()
    page.on("request", lambda request: asked.add("{0.scheme}://{0.netloc}".format(urlsplit(request.url))))
    page.goto(copied_out.page_url, wait_until="networkidle")
    page.close()

    assert asked - {"data://"} == {copied_out.page_url, copied_out.api_url}


@each_lesson
def test_what_a_lesson_does_not_speak_of_is_as_it_was(each):
    now, then = files(each.folder), files(before(each).folder)
    changed = {name for name in now.keys() & then.keys() if now[name] != then[name]}

    assert not [name for name in changed if f"`{name}`" not in each.notes], "the notes should name what they change"


@each_lesson
def test_many_processes_may_begin_a_new_board_at_once(each, tmp_path):
    set_up = importlib.import_module(f"{each.package}.board").set_up_sqlite

    for number in range(10):
        together = threading.Barrier(8)

        def begin(path=tmp_path / f"{number}.db", together=together):
            with contextlib.closing(sqlite3.connect(path)) as connection:
                together.wait()
                set_up(connection, None)
                return connection.execute("PRAGMA journal_mode").fetchone()[0]

        with ThreadPoolExecutor(8) as threads:
            assert {done.result() for done in [threads.submit(begin) for _ in range(8)]} == {"wal"}


def test_the_board_of_lesson_1_is_the_board_before_it():
    assert filecmp.cmp(ROOT / "lessons/00_bare/board.py", ROOT / "lessons/01_cors/board.py", shallow=False)


@each_lesson
def test_no_address_of_another_host_stands_in_a_page(each):
    for path in (each.folder / "page").rglob("*"):
        text = path.read_bytes().decode("utf-8", "replace")
        found = set(re.findall(r"(?:https?:)?//([\w.-]+\.\w+)", text)) - {"www.w3.org"}  # the name of SVG, never loaded
        assert not found, f"{path.name} names {found}"


def test_the_locks_name_no_place_to_download_from():
    for lock in ROOT.glob("requirements/*.txt"):
        assert "://" not in lock.read_text(encoding="utf-8"), lock.name
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [["check"], ["format", "--check"]], ids=" ".join)
def test_the_code_has_the_form_of_the_house(words):
    checked = subprocess.run([sys.executable, "-m", "ruff", *words], cwd=ROOT, capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout
