"""Serves the API at its own address: `python -m` and the name of this package."""

from . import create_app
from .config import listening_port

app = create_app()
app.run(app.config["HOST"], listening_port(app.config))
