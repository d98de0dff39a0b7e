"""Step 6: the same worker by several servers, each from its file in deploy/, and each leaving in peace."""

import configparser
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from course import services
from course.processes import Process, free_port, wait_for
from course.running import flask_run
from course.served import served_by

APP = "{package}:create_app()"
PYTHON = [sys.executable, "-m", "{package}"]
GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "{deploy}/gunicorn.conf.py", APP]
WAYS = {
    "python -m, eventlet": ("eventlet", PYTHON),
    "gunicorn, threads": ("threading", GUNICORN),
}
MORE_WAYS = {
    "python -m, gevent": ("gevent", PYTHON),
    "python -m, threading": ("threading", PYTHON),
    "gunicorn, gevent": ("gevent", GUNICORN),
}


@pytest.fixture(scope="module")
def deploy(lesson):
    return lesson.lesson.folder / "deploy"


@contextlib.contextmanager
def one_more(lesson, engine, command, **settings):
    """One more worker of this lesson, served in one of the ways: its address, and its process."""
    package, deploy, port = lesson.lesson.package, lesson.lesson.folder / "deploy", free_port()
    assert deploy.is_dir(), "there should be a folder deploy/"
    command = [part.format(package=package, deploy=deploy) for part in command]
    settings = {"ASYNC_MODE": engine, "PORT": port, **settings}
    env = lesson.served.env | {f"FLASK_{name}": str(value) for name, value in settings.items()}
    with Process(*command, cwd=lesson.lesson.home, env=env) as process:
        process.wait_until_it_answers(port, "The worker")  # some take connections before they have loaded the app
        assert httpx.get(f"http://localhost:{port}/ready", timeout=30).status_code == 200
        yield f"http://localhost:{port}", process


def is_the_same_board(lesson, address, transport):
    with (
        lesson.socket(address=address, transport=transport) as here,
        lesson.socket() as there,
        lesson.stream(address=address) as stream,
    ):
        question = here.call("ask", {"text": "Who serves me?", "key": f"{address} {transport}"})["question"]

        heard = [here.next("question_asked"), there.next("question_asked"), stream.next(within=2)]
        assert [event.data["question"]["id"] for event in heard] == [question["id"]] * 3
        with lesson.stream(address=address, last_event_id=heard[0].data["seq"] - 1) as again:
            assert again.next(within=2).data["question"]["id"] == question["id"], "not held back"


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


@pytest.mark.parametrize("way", [*WAYS, *(pytest.param(way, marks=pytest.mark.long) for way in MORE_WAYS)])
def test_a_worker_serves_the_same_board_and_leaves_in_peace(lesson, way):
    if os.name == "nt" and "gunicorn" in way:
        pytest.skip("gunicorn does not run on Windows")
    with one_more(lesson, *(WAYS | MORE_WAYS)[way]) as (address, process):
        is_the_same_board(lesson, address, "websocket")
        is_the_same_board(lesson, address, "polling")

        with lesson.socket(address=address) as socket, lesson.stream(address=address) as stream:
            process.popen.send_signal(signal.SIGTERM)
            assert socket.ends(within=8), "its clients are sent elsewhere"
            assert stream.next(within=8) is None
        assert wait_for(8, lambda: not process.running), "and it is gone"
        assert process.popen.returncode == 0, "in peace"


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="gunicorn does not run on Windows")
@pytest.mark.parametrize("way", [way for way in WAYS | MORE_WAYS if "gunicorn" in way])
def test_a_worker_of_gunicorn_that_leaves_takes_no_connection_from_the_next(lesson, way):
    with one_more(lesson, *(WAYS | MORE_WAYS)[way], EXPORT_SECONDS=9) as (address, process):
        job = httpx.post(f"{address}/api/exports").headers["Location"]
        served_by(process).send_signal(signal.SIGHUP)  # a new worker comes, and the old one may go

        def everybody_is_served():
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


def test_what_nginx_answers_itself_can_be_read_by_the_page(fleet):
    origin = fleet.served.page_url
    large = fleet.visitor().post("/api/questions", content="x" * 40_000, headers={"Content-Type": "application/json"})
    asked = fleet.visitor().get("/api/questions")
    text = re.sub(
        r"(?:    server 127.*\n)+", f"    server 127.0.0.1:{free_port()} max_fails=0;\n", fleet.served.api.conf()
    )
    port = free_port()
    with services.Nginx(text.replace(f":{fleet.served.api.port};", f":{port};"), port):
        gone = fleet.visitor(base_url=f"http://localhost:{port}").get("/api/questions")

    assert [answer.status_code for answer in (large, asked, gone)] == [413, 200, 502]
    for answer in (large, asked, gone):
        assert answer.headers.get_list("Access-Control-Allow-Origin") == [origin]
        assert answer.headers.get_list("Access-Control-Allow-Credentials") == ["true"]


@pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl to make a certificate")
def test_https_brings_http_2_wss_and_a_cookie_for_https_only(lesson, deploy, window, tmp_path):
    api, page = free_port(), free_port()
    addresses = {"API_URL": f"https://localhost:{api}", "PAGE_ORIGIN": f"https://localhost:{page}"}
    files = {"/etc/ssl/board.pem": tmp_path / "board.pem", "/etc/ssl/board.key": tmp_path / "board.key"}
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    certificate, key = map(str, files.values())
    subprocess.run([*make.split(), "-out", certificate, "-keyout", key], check=True, capture_output=True)
    given = (deploy / "nginx.conf").read_text(encoding="utf-8")
    secure = re.sub(r"    listen 5105;\n", "", given)
    secure = re.sub(r"    # (listen 5105 ssl;|http2 on;|ssl_certificate)", r"    \1", secure)
    for named, made in files.items():
        secure = secure.replace(named, str(made))

    def serves(at, worker):
        """The file, for one worker; the page has its own, at another port."""
        text = re.sub(r"(?:    server 127.*\n)+", f"    server 127.0.0.1:{worker} max_fails=0;\n", secure)
        return text.replace("listen 5105 ssl", f"listen 127.0.0.1:{at} ssl")

    with one_more(lesson, lesson.env.get("FLASK_ASYNC_MODE", "eventlet"), PYTHON, **addresses, PROXIES=1,
                  SESSION_COOKIE_SECURE=True) as (worker, _):  # fmt: skip
        front = free_port()
        env = lesson.served.env | {f"FLASK_{name}": value for name, value in addresses.items()}
        with (
            Process(
                *flask_run(f"{lesson.lesson.package}:create_page", front), cwd=lesson.lesson.home, env=env
            ) as static,
            services.Nginx(serves(api, worker.rpartition(":")[2]), api),
        ):
            static.wait_until_it_answers(front, "The page")
            with services.Nginx(serves(page, front), page):
                ada = window(addresses["PAGE_ORIGIN"], ignore_https_errors=True)
                ada.sign_in("ada")
                ada.ask("Is this safe?")

                assert ada.sees("Is this safe?")
                assert ada.shows(ada.page.get_by_text("WebSocket", exact=False).first)
                used = "() => performance.getEntriesByType('resource').map((each) => each.nextHopProtocol)"
                assert "h2" in ada.page.evaluate(used)
                (cookie,) = [each for each in ada.page.context.cookies() if each["name"] == lesson.lesson.name]
                assert cookie["secure"]
