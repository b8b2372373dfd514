"""Reading pages: what a browser asks for, and the elements of an answer."""

import json
from html.parser import HTMLParser
from typing import Any

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Page(HTMLParser):
    """The elements of a page, its JSON, and the ids that occur."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: str | None = None
        self.scripts: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.elements.append((tag, values))
        self.inside = (
            values.get("id") if tag == "script" and values.get("type") == "application/json" else None
        )

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.scripts[self.inside] = self.scripts.get(self.inside, "") + data

    def handle_endtag(self, tag: str) -> None:
        self.inside = None

    @property
    def data(self) -> dict[str, Any]:
        return dict(json.loads(self.scripts["data"]))
