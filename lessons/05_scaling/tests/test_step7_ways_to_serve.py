"""Step 7: the same worker by several servers, each from its file in deploy/, and each leaving in peace."""

import configparser
import contextlib
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from course.processes import wait_for
from course.served import served_by
from course.testkit.workers import is_the_same_board, one_more, serves_the_same_board_and_leaves_in_peace

APP = "{package}:create_app()"
GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "{deploy}/gunicorn.conf.py", APP]
WAYS = {"gunicorn, threads": ("threading", GUNICORN)}
MORE_WAYS = {"gunicorn, gevent": ("gevent", GUNICORN)}


@pytest.fixture(scope="module")
def deploy(lesson):
    return lesson.lesson.folder / "deploy"


def test_the_socket_of_a_browser_that_offers_to_compress_is_not_compressed(lesson, deploy):
    assert deploy.is_dir()
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Extensions": "permessage-deflate",
    }
    with httpx.stream("GET", f"{lesson.api}/socket.io/?EIO=4&transport=websocket", headers=headers) as answer:
        assert answer.status_code == 101
        assert "Sec-WebSocket-Extensions" not in answer.headers


@pytest.mark.skipif(os.name == "nt", reason="gunicorn does not run on Windows")
@pytest.mark.parametrize("way", [*WAYS, *(pytest.param(way, marks=pytest.mark.long) for way in MORE_WAYS)])
def test_a_worker_of_gunicorn_serves_the_same_board_and_leaves_in_peace(lesson, way):
    serves_the_same_board_and_leaves_in_peace(lesson, *(WAYS | MORE_WAYS)[way])


def test_compose_has_what_is_needed_and_no_secret(deploy):
    path = deploy / "compose.yaml"
    assert path.exists()
    compose = yaml.safe_load(path.read_text(encoding="utf-8"))
    workers = {name: service for name, service in compose["services"].items() if name.startswith("worker")}

    ports = {f"worker-{service['environment']['FLASK_PORT']}" for service in workers.values()}
    assert ports == set(workers)
    assert len(workers) > 1
    nginx = (deploy / "nginx.conf").read_text(encoding="utf-8")
    assert all(f"127.0.0.1:{name.removeprefix('worker-')} " in nginx for name in workers)
    for service in workers.values():
        assert "${SECRET_KEY" in service["environment"]["FLASK_SECRET_KEY"]
    assert all(service["restart"] == "always" for service in compose["services"].values()), "after a restart too"
    assert {"redis", "database", "nginx", "page"} < compose["services"].keys()


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="gunicorn does not run on Windows")
@pytest.mark.parametrize("way", WAYS | MORE_WAYS)
def test_a_worker_of_gunicorn_that_leaves_takes_no_connection_from_the_next(lesson, way):
    with one_more(lesson, *(WAYS | MORE_WAYS)[way], EXPORT_SECONDS=9) as (address, process):
        job = httpx.post(f"{address}/api/exports").headers["Location"]
        served_by(process).send_signal(signal.SIGHUP)  # a new worker comes, and the old one may go

        def everybody_is_served():
            with contextlib.suppress(httpx.TimeoutException):  # who waits longer than 5 s is not served
                return {httpx.get(f"{address}/ready").status_code for _ in range(20)} == {200}

        assert wait_for(7, everybody_is_served), "with gevent, gunicorn looks once a second whether it should go"
        assert wait_for(12, lambda: httpx.get(address + job).json()["done"]), "the old one ends what it began"
        assert "error" not in httpx.get(address + job).json()


def test_uwsgi_serves_it_by_long_polling(lesson, deploy, tmp_path):
    uwsgi = shutil.which("uwsgi", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if not uwsgi:
        pytest.skip("there is no uwsgi here")
    path, ini = deploy / "uwsgi.ini", tmp_path / "uwsgi.ini"
    assert path.exists()
    ini.write_text(path.read_text(encoding="utf-8").replace("lessons.05_scaling", lesson.lesson.package))
    with one_more(lesson, "threading", [uwsgi, str(ini)]) as (address, process):
        is_the_same_board(lesson, address, "polling")
        with lesson.socket(address=address, transport=None) as socket:
            assert socket.call("ask", {"text": "And I?", "key": "stays with polling"})["ok"]
        assert not [line for line in process.lines if re.match(r"[\w.]+(Error|Exception)\b", line)]


def test_systemd_starts_a_worker_again_and_lets_it_leave(deploy):
    path = deploy / "systemd" / "live-flask@.service"
    assert path.exists()
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(path)

    assert unit["Service"]["ExecStart"].endswith("-m lessons.05_scaling")
    assert "%i" in unit["Service"]["Environment"]
    assert unit["Unit"]["StartLimitIntervalSec"] == "0", "however long the database is away"
    assert unit["Service"]["Restart"] == "always"
    assert int(unit["Service"]["TimeoutStopSec"]) > 10
    assert unit["Install"]["WantedBy"] == "live-flask.target"
    assert (deploy / "systemd" / "live-flask.target").exists()


def test_the_secrets_beside_compose_are_in_no_image_and_in_no_commit(deploy):
    for name in (".dockerignore", ".gitignore"):
        path = deploy.parents[2] / name
        if not path.parent.joinpath("requirements").exists():
            pytest.skip("the lesson was taken out of its repository")
        assert path.exists()
        assert {".env", "**/.env"} & set(path.read_text(encoding="utf-8").split())


def test_kubernetes_has_what_is_needed(deploy):
    path = deploy / "kubernetes.yaml"
    assert path.exists()
    parts = {part["kind"]: part for part in yaml.safe_load_all(path.read_text(encoding="utf-8"))}
    pod = parts["Deployment"]["spec"]["template"]["spec"]
    (worker,) = pod["containers"]

    assert worker["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert pod["terminationGracePeriodSeconds"] > 10
    assert parts["Service"]["spec"]["sessionAffinity"] == "ClientIP"
    sticky = parts["Ingress"]["metadata"]["annotations"]
    assert sticky["nginx.ingress.kubernetes.io/affinity"] == "cookie"
    assert sticky["nginx.ingress.kubernetes.io/affinity-mode"] == "persistent", "who is here stays when a worker comes"
    again = sticky["nginx.ingress.kubernetes.io/proxy-next-upstream"]
    assert f" {again};" in (deploy / "nginx.conf").read_text(encoding="utf-8").replace("proxy_next_upstream", "")
    assert sticky["nginx.ingress.kubernetes.io/session-cookie-change-on-failure"] == "true"
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    for part in parts.values():
        kubernetes_validate.validate(part, "1.31", strict=True)
