"""Given: what serves the API: eventlet, gevent or threads, chosen before anything else is imported.

eventlet and gevent serve thousands of clients in one thread: while one waits, another runs. For that they replace the
sockets, locks and threads of the standard library. A module that imported those earlier keeps the old ones, and stops
everybody whenever it waits. So this module is the first import of `__init__.py`.
"""

import contextlib
import io
import os
import re
import signal
import sys

NAME = "threading"
if sys.argv[0] == "-m":  # `python -m` loads this package, so this process becomes the API
    NAME = os.environ.get("FLASK_ASYNC_MODE", "eventlet")
if NAME == "eventlet":
    import eventlet

    eventlet.monkey_patch()
elif NAME == "gevent":
    from gevent import monkey

    monkey.patch_all()
elif NAME != "threading":
    sys.exit(f"There is no engine {NAME}: FLASK_ASYNC_MODE is eventlet, gevent or threading.")

import socket  # noqa: E402 (the engine's own by now)


def serve(app, host, port):
    """Serve an app until Ctrl-C. `socketio.run(app)` has a reloader and a debugger, but not these limits."""
    try:
        listening = socket.create_server((host, port), backlog=1024)
    except OSError as error:
        other = f"FLASK_API_URL=http://localhost:{port + 100} python -m {app.import_name}"
        sys.exit(f"Port {port} cannot be had: {os.strerror(error.errno)}. Choose another: {other}")
    # Every connection inherits this from the listening socket: bytes are sent at once, and do not wait up to
    # 40 ms for the acknowledgement of earlier bytes (RFC 9293, section 3.7.4: Nagle's algorithm).
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    most = allow_many_files()
    print(f" * Running on http://{host}:{port}, by {NAME} (Ctrl-C stops it)", flush=True)
    if app.debug:
        print(" * Debug mode does not reload here: stop this and start it again after each change.", flush=True)
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))  # Ctrl-C ends it now: eventlet would wait for open streams
    patience = app.config.get("REQUEST_SECONDS", 30)
    if NAME == "eventlet":
        serve_by_eventlet(listening, app, patience, most)
    elif NAME == "gevent":
        serve_by_gevent(listening, app, patience)
    else:
        serve_by_threads(listening, app, patience)


class Log:
    """The log of a server's answers."""

    def write(self, text):
        left = text.startswith("Traceback") and re.search(r"^(BrokenPipe|ConnectionReset)Error", text, re.M)
        if not left:  # a client that left is no error, and its request has a line already
            sys.stderr.write(for_the_log(text))


def for_the_log(text):
    """A text without ids, and without control characters for a terminal."""
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in without_ids(text))


def without_ids(text):
    """A text without the ids of connections, since a reader of the log could send with them."""
    return re.sub(r'(sid=|session )[^&\s"]+', r"\1…", text)


class ShortLines(io.BufferedReader):
    """A request body. A client could send an endless line for a chunk's length, and fill the memory."""

    def readline(self, size=-1):
        return super().readline(size if size >= 0 else 8192)


def serve_by_eventlet(listening, app, patience, most):
    """Serve an app by eventlet, with limits. Its own server has none, and stops when no open file is left."""
    import eventlet
    from eventlet import wsgi

    class Protocol(wsgi.HttpProtocol):
        wbufsize = 2048  # bytes: each client has a buffer to write and one to read while it is connected

        def setup(self):
            super().setup()
            self.rfile = ShortLines(self.rfile.detach(), self.wbufsize)

        def handle_one_request(self):
            eventlet.sleep(0)  # let others run, even if this client sends many requests at once
            super().handle_one_request()

        def finish(self):
            try:
                super().finish()
            finally:
                self.rfile.close()  # eventlet would leave it open, and the connection, too

    def accept():
        while True:
            try:
                return accept_one()
            except OSError:  # no open file is left, so this connection waits until another ends
                eventlet.sleep(0.1)

    accept_one, listening.accept = listening.accept, accept
    limits = {"max_size": most - 100, "socket_timeout": patience, "keepalive": patience, "protocol": Protocol}
    environ = {"wsgi.input_terminated": True}  # Werkzeug may read a body that is sent in chunks: it has an end
    log = {"log": Log(), "log_x_forwarded_for": False}  # a client can invent that header
    # Send each piece of an event stream at once, not after 4,096 bytes. Show no client a traceback.
    wsgi.server(listening, app, minimum_chunk_size=1, debug=False, environ=environ, **limits, **log)


def serve_by_gevent(listening, app, patience):
    """Serve an app by gevent, with the same limits."""
    import gevent
    from gevent import pywsgi

    class Handler(pywsgi.WSGIHandler):
        def handle(self):
            with contextlib.suppress(OSError):  # the client has left
                super().handle()

        def handle_one_response(self):
            super().handle_one_response()
            if "HTTP_UPGRADE" in self.environ:
                self.close_connection = True  # after a WebSocket, no request follows

        def handle_one_request(self):
            gevent.sleep(0)
            self.socket.settimeout(patience)
            return super().handle_one_request()

        def read_request(self, line):
            try:
                return super().read_request(line)
            except TimeoutError:
                raise ValueError("the headers have no end") from None  # the log has one line for it

    pywsgi.WSGIServer(listening, app, log=Log(), handler_class=Handler).serve_forever()


def in_thread(work, *args):
    """The result of a slow function. It runs in a real thread if one thread serves all clients."""
    if NAME == "eventlet":
        from eventlet import tpool

        return tpool.execute(work, *args)
    if NAME == "gevent":
        from gevent import get_hub

        return get_hub().threadpool.apply(work, args)
    return work(*args)


def serve_by_threads(listening, app, patience):
    """Serve an app by Flask's own server, with the same limits."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):
        timeout = patience

        def setup(self):
            super().setup()
            self.rfile = ShortLines(self.rfile.detach())

        def run_wsgi(self):
            super().run_wsgi()
            if "Upgrade" in self.headers:
                self.close_connection = True  # after a WebSocket, no request follows

        def log(self, type, message, *args):
            super().log(type, "%s", without_ids(message % args))

    how = {"threaded": True, "request_handler": Handler, "fd": listening.fileno()}
    make_server(*listening.getsockname(), app, **how).serve_forever()


def allow_many_files():
    """Allow up to 10,000 open files, which include connections; returns how many the system allows."""
    try:
        import resource
    except ImportError:
        return 10_000  # Windows has another limit
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 10_000 if most == resource.RLIM_INFINITY else min(most, 10_000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return wanted
