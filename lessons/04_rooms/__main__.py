"""Serves the API at its own address: `python -m` and the name of this package."""

from urllib.parse import urlsplit

from . import create_app, engine

app = create_app()
engine.serve(app, urlsplit(app.config["API_URL"]).port)
