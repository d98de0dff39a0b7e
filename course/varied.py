"""A worker of lesson 5 with one thing undone, for `bench` to compare: it compresses, or leaves TCP_NODELAY off.

python -m course.varied deflate|nagle PACKAGE
"""

import importlib
import runpy
import sys
from types import SimpleNamespace


def deflate(package):
    """leaving.py lets each browser's offer to compress pass."""
    entrance = importlib.import_module(f"{package}.leaving").Entrance
    entrance.__call__ = lambda self, environ, start_response: self.app(environ, start_response)


def nagle(package):
    """What the engine sets on its socket is another option, which is set anyway."""
    engine = importlib.import_module(f"{package}.engine")
    socket = engine.socket
    engine.socket = SimpleNamespace(
        create_server=socket.create_server, IPPROTO_TCP=socket.SOL_SOCKET, TCP_NODELAY=socket.SO_REUSEADDR
    )


if __name__ == "__main__":
    vary, package = {"deflate": deflate, "nagle": nagle}[sys.argv[1]], sys.argv[2]
    sys.argv[:] = ["-m"]  # as for `python -m PACKAGE`: from this the engine knows that it is to serve
    vary(package)
    runpy.run_module(package, run_name="__main__", alter_sys=True)
