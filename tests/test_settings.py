"""The settings of a lesson, as somebody sets them who starts it by hand."""

import contextlib
import os
import re
import sqlite3
import subprocess
import sys

import pytest

from course import catalogue
from course.catalogue import ROOT
from course.processes import free_port, wait_for
from course.running import start_api

LESSONS = catalogue.lessons()
LAST = max(LESSONS)
WITHOUT_A_PORT = "https://api.example.org names no port. Set the one where the API listens, as in FLASK_PORT=5100"


def start_up(number, tmp_path, **settings):
    """What the API of a lesson says that ends at once."""
    command = [sys.executable, "-m", LESSONS[number].package]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(tmp_path, settings), capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 1, done.stderr
    return done.stderr.strip().splitlines()[-1]


def environment(tmp_path, settings):
    own = {"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path.as_posix()}/test.db", "ASYNC_MODE": "threading", **settings}
    return {**os.environ, **{f"FLASK_{name}": value for name, value in own.items()}}


@pytest.mark.parametrize("number", [1, *(pytest.param(n, marks=pytest.mark.long) for n in LESSONS if n > 1)])
def test_an_api_whose_address_has_no_port_asks_where_it_listens(number, tmp_path):
    assert start_up(number, tmp_path, API_URL="https://api.example.org") == WITHOUT_A_PORT


@pytest.mark.parametrize("number", [1, pytest.param(LAST, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "name, value",
    [
        ("API_URL", "http://localhost:5101/"),
        ("API_URL", "https://example.org/board"),
        pytest.param("API_URL", "localhost:5101", marks=pytest.mark.long),
        pytest.param("API_URL", "5101", marks=pytest.mark.long),
        ("PAGE_ORIGIN", "http://localhost:8101/"),
        pytest.param("PAGE_ORIGIN", "HTTP://localhost:8101", marks=pytest.mark.long),
    ],
)
def test_an_address_that_no_browser_sends_is_refused_at_the_start(number, name, value, tmp_path):
    assert start_up(number, tmp_path, **{name: value}).startswith(f"FLASK_{name} cannot be {value}. It")


@pytest.mark.parametrize(
    "name, value",
    [
        ("DEMO_CLASS", "False"),
        *(
            pytest.param(*setting, marks=pytest.mark.long)
            for setting in [("HEARTBEAT_SECONDS", "0.5"), ("ASK_LIMIT", "30"), ("PROXIES", "one")]
        ),
    ],
)
def test_a_setting_of_another_kind_is_refused_at_the_start(name, value, tmp_path):
    assert start_up(LAST, tmp_path, **{name: value}).startswith(f"FLASK_{name} cannot be {value}. Its default is ")


@pytest.mark.parametrize("number", [1, *(pytest.param(n, marks=pytest.mark.long) for n in (3, LAST))])
def test_behind_a_proxy_the_api_listens_where_it_is_told(number, tmp_path):
    port = free_port()
    settings = {"API_URL": "https://api.example.org", "PORT": str(port), "REDIS_URL": "redis://127.0.0.1:9/0"}
    with start_api(LESSONS[number], environment(tmp_path, settings)) as api:
        assert wait_for(10, lambda: port in api.listening), api.lines


@pytest.mark.parametrize("number", [1, *(pytest.param(n, marks=pytest.mark.long) for n in LESSONS if n > 1)])
def test_a_database_of_another_version_is_named_with_the_cure(number, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "test.db")) as database:
        database.execute("CREATE TABLE vote (question_id INTEGER PRIMARY KEY)")

    said = start_up(number, tmp_path)
    assert re.search(r"test\.db is of another version: vote has no \w+\. Move this database away", said)


@pytest.mark.parametrize("number", [4, *(pytest.param(n, marks=pytest.mark.long) for n in (1, 2, 3, LAST))])
def test_a_database_of_the_lesson_before_the_rooms_is_so_too(number, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "test.db")) as database:
        database.execute("CREATE TABLE question (id INTEGER PRIMARY KEY, text TEXT)")

    said = start_up(number, tmp_path)
    assert re.search(r"test\.db is of another version[^.]+\. Move this database away", said)
    assert "Traceback" not in said
