"""Step 3: a client that came to one worker comes back to it; and if that one is gone, to another."""

import collections
import contextlib
import http.server
import re
import shutil
import socket
import subprocess
import threading

import httpx
import pytest

from course import services
from course.processes import Process, free_port
from course.running import flask_run
from course.testkit.sockets import NodeSocket, PythonSocket
from course.testkit.workers import PYTHON, one_more


@pytest.fixture
def proxy(fleet):
    """Starts another nginx before the same workers, which keeps people by sticky, hash or ip_hash: its address."""
    started = []

    def start(way, part=None):
        assert (fleet.lesson.folder / "deploy" / "nginx.conf").exists(), "deploy/ should say how nginx is set up"
        port = free_port()
        started.append(services.Nginx(fleet.served.api.conf(port, way), port, part=part))
        started[-1].__enter__()
        return f"http://localhost:{port}"

    yield start
    for nginx in started:
        nginx.__exit__(None, None, None)


def test_who_has_the_cookie_stays_and_others_are_spread(fleet, proxy):
    address = proxy("sticky")
    served = collections.Counter()
    for _ in range(10):
        with httpx.Client(base_url=address) as visitor:
            workers = {visitor.get("/api/questions").headers["X-Worker"] for _ in range(5)}
            assert len(workers) == 1, "one visitor stays with one worker"
            served.update(workers)
    assert len(served) == 2, "and all together are served by all"


@pytest.mark.parametrize("way", ["sticky", "hash", "ip_hash"])
@pytest.mark.parametrize("client", [PythonSocket, pytest.param(NodeSocket, marks=pytest.mark.long)])
def test_long_polling_works_through_nginx(fleet, proxy, way, client):
    address = proxy(way)
    for _ in range(6):
        with fleet.socket(address=address, client=client, transport="polling") as socket:
            assert socket.call("catch_up", {"after": 0})["ok"]


@pytest.mark.parametrize("way", ["hash", "ip_hash"])
def test_it_works_through_the_nginx_of_this_machine_however_old(fleet, proxy, way):
    installed = services.installed_nginx()
    if installed is None:
        pytest.skip("no nginx is installed; Debian's is in the package nginx, and NGINX may name one")
    address = proxy(way, installed)
    with fleet.socket(address=address, transport="polling") as one, fleet.socket(address=address) as other:
        assert one.call("ask", {"text": "Which release?", "key": f"release by {way}"})["ok"]
        assert other.next("question_asked").data["question"]["text"] == "Which release?"


def test_each_request_has_a_connection_to_the_worker_of_its_own(fleet):
    port, came_from = free_port(), []

    class Worker(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            came_from.append(self.client_address)
            self.send_response(204)
            self.end_headers()
            self.close_connection = False  # it does not say that it will end the connection

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Worker) as worker:
        threading.Thread(target=worker.serve_forever, daemon=True).start()
        only = f"    server 127.0.0.1:{worker.server_port};\n"
        with services.Nginx(re.sub(r"(?:    server .*\n)+", only, fleet.served.api.conf(port)), port):
            answers = [httpx.get(f"http://localhost:{port}/").status_code for _ in range(5)]
        worker.shutdown()

    assert answers == [204] * 5
    assert len(set(came_from)) == 5, "a worker may have ended the one before"


def test_the_cookie_of_a_worker_that_is_gone_leads_to_another(fleet, proxy):
    with httpx.Client(base_url=proxy("sticky")) as visitor:
        mine = visitor.get("/ready").json()["worker"]
        fleet.kill(int(mine))
        try:
            other = visitor.get("/ready")
            assert other.status_code == 200
            assert other.json()["worker"] != mine
            assert visitor.post("/api/questions", json={"text": "Still here?"}).status_code == 201
        finally:
            fleet.served.api.start(int(mine))
            fleet.served.api.workers[int(mine)].wait_until_it_answers(int(mine), "The worker")


def test_who_asks_is_told_by_nginx_and_not_by_who_asks(fleet):
    wrong, port = {"name": "ada", "password": "wrong"}, free_port()
    with fleet.another_api(LOGIN_LIMIT="3 per minute", PROXIES=1) as strict:
        only = f"    server 127.0.0.1:{strict.ports[0]};\n"
        with services.Nginx(re.sub(r"(?:    server .*\n)+", only, fleet.served.api.conf(port)), port):
            answers = [
                httpx.post(
                    f"http://localhost:{port}/api/login",
                    json=wrong,
                    headers={"X-Forwarded-For": f"203.0.113.{number}"},
                )
                for number in range(4)
            ]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]


def test_only_what_nginx_says_is_believed(fleet):
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Port": "81"}

    answer = httpx.get(f"{fleet.api}/desk//login", headers=forged)
    where = httpx.get(f"{fleet.api}/desk", headers=forged).headers["Location"]

    for address in (answer.headers.get("Location", ""), where):
        assert not re.search("evil|:81", address)


def test_one_address_gets_no_more_than_its_part_of_the_connections(fleet):
    port = free_port()
    few = re.sub(r"(limit_conn \w+) \d+;", r"\1 5;", fleet.served.api.conf(port))
    with services.Nginx(few, port), contextlib.ExitStack() as streams:
        for _ in range(5):
            streams.enter_context(fleet.stream(address=f"http://localhost:{port}"))

        assert httpx.get(f"http://localhost:{port}/api/questions").status_code == 429


def test_nginx_gives_up_who_begins_a_request_and_does_not_go_on(fleet):
    port = free_port()
    hurried = re.sub(r"(client_\w+_timeout) \d+s;", r"\1 1s;", fleet.served.api.conf(port))
    with services.Nginx(hurried, port):
        for text in ("GET /", "POST /api/questions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(text.encode())
                while client.recv(4096):
                    pass


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
def test_https_brings_http_2_wss_and_a_cookie_for_https_only(lesson, window, tmp_path):
    api, page = free_port(), free_port()
    addresses = {"API_URL": f"https://localhost:{api}", "PAGE_ORIGIN": f"https://localhost:{page}"}
    files = {"/etc/ssl/board.pem": tmp_path / "board.pem", "/etc/ssl/board.key": tmp_path / "board.key"}
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    certificate, key = map(str, files.values())
    subprocess.run([*make.split(), "-out", certificate, "-keyout", key], check=True, capture_output=True)
    given = (lesson.lesson.folder / "deploy" / "nginx.conf").read_text(encoding="utf-8")
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
