"""What serves the API: eventlet, gevent or threads, chosen before anything else is imported.

eventlet and gevent run thousands of clients in one thread: a client that waits gives way to another. For that they put
sockets, locks and threads of their own in the place of the standard library's. Who has imported those before goes on
with the old ones, and stops everybody whenever it waits. So this module is the first import of `__init__.py`.
"""

import os
import sys

NAME = "threading"
if sys.argv[0] == "-m":  # `python -m` is loading this package, so this process will be the API
    NAME = os.environ.get("FLASK_ASYNC_MODE", "eventlet")
if NAME == "eventlet":
    import eventlet

    eventlet.monkey_patch()
elif NAME == "gevent":
    from gevent import monkey

    monkey.patch_all()
elif NAME != "threading":
    sys.exit(f"There is no engine {NAME}: FLASK_ASYNC_MODE is eventlet, gevent or threading.")

import socket  # noqa: E402 (the engine's own, by now)


def serve(app, host, port):
    """Serve an app until Ctrl-C. `socketio.run(app)` does the same, without the three things said here."""
    try:
        listening = socket.create_server((host, port), backlog=1024)
    except OSError as error:
        other = f"FLASK_API_URL=http://localhost:{port + 100} python -m {app.import_name}"
        sys.exit(f"Port {port} cannot be had: {os.strerror(error.errno)}. Choose another: {other}")
    # Every connection inherits this from the listening socket: what is written is sent at once, and does not wait
    # up to 40 ms for the receipt of what was sent before (RFC 9293, section 3.7.4: Nagle's algorithm).
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    most = allow_many_files()
    print(f" * Running on http://{host}:{port}, by {NAME} (Ctrl-C stops it)", flush=True)
    if app.debug:
        print(" * Debug mode does not reload here: stop this and start it again after each change.", flush=True)
    try:
        if NAME == "eventlet":
            from eventlet import wsgi

            # A piece of an event stream goes out when it is there, not when 4,096 bytes are; at the last open file the
            # server would end, so it takes fewer clients; and none of them is shown a traceback.
            wsgi.server(listening, app, minimum_chunk_size=1, max_size=most - 100, debug=False)
        elif NAME == "gevent":
            from gevent import pywsgi

            pywsgi.WSGIServer(listening, app).serve_forever()
        else:
            from werkzeug.serving import make_server

            make_server(host, port, app, threaded=True, fd=listening.fileno()).serve_forever()
    except KeyboardInterrupt:
        pass


def allow_many_files():
    """Let this process have up to 10,000 open files, which connections are too, if it may; gives how many it has."""
    try:
        import resource
    except ImportError:
        return 10_000  # Windows counts otherwise
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 10_000 if most == resource.RLIM_INFINITY else min(most, 10_000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return wanted
