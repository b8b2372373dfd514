"""Renders users' Markdown notes as HTML that runs nothing and loads nothing."""

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

FIRST_HEADING_LEVEL = 3  # of headings: a note stands below the page's own h1 and h2

# No raw HTML: it is shown as it was typed. No pictures: they would be fetched from elsewhere.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")


def render_html(markdown: str) -> Markup:
    """The HTML of the notes. Links whose scheme could run code stay text (markdown-it's own rule)."""
    tokens = _MARKDOWN.parse(markdown)
    for token in tokens:
        _lower_heading(token)
        for part in token.children or ():
            if part.type == "link_open":
                part.attrSet("rel", "noopener noreferrer")
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))


def _lower_heading(token: Token) -> None:
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(6, int(token.tag[1]) + FIRST_HEADING_LEVEL - 1)}"
