"""Reading pages: what a browser asks for, and the elements of an answer."""

import json
from typing import Any

from bs4 import BeautifulSoup

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def parse_page(text: str) -> BeautifulSoup:
    return BeautifulSoup(text, "html.parser")


def read_data(text: str) -> dict[str, Any]:
    """What a page sends to its own script."""
    (script,) = parse_page(text).select("script#data")
    return dict(json.loads(script.text))
