"""Given: looks at the settings before anything starts, and ends with a sentence if one cannot be right."""

import re
import sys
from urllib.parse import urlsplit

ORIGIN = r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?"  # as a browser writes it, in the header Origin


def check_settings(config, defaults):
    """End if a setting is not of its default's kind, or an address is not an origin."""
    for name, default in defaults.items():
        value = config[name]
        kinds = (int, float) if isinstance(default, float) else type(default)
        if default is not None and not isinstance(value, kinds):
            sys.exit(f"FLASK_{name} cannot be {value}. Its default is {default}: give it a value of the same kind.")
    for name in {"API_URL", "PAGE_ORIGIN"} & defaults.keys():
        if not re.fullmatch(ORIGIN, config[name]):
            like = f"It needs an origin such as {defaults[name]} or https://board.example.org"
            sys.exit(f"FLASK_{name} cannot be {config[name]}. {like}, without a path and without a slash at its end.")


def listening_port(config):
    """Where the API listens: PORT, else the port of API_URL. End if there is neither."""
    port = config["PORT"] or urlsplit(config["API_URL"]).port
    if not isinstance(port, int):
        sys.exit(f"{config['API_URL']} names no port. Set the one where the API listens, as in FLASK_PORT=5100")
    return port
