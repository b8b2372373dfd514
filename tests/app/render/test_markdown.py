"""Notes: Markdown becomes HTML that can neither run nor load anything."""

import pytest

from app.render.markdown import render_html
from tests.support.html import parse_page


def test_markdown_as_people_write_it() -> None:
    text = render_html(
        "# Why\n\n- *lr* too **high**\n- see [it](/sweeps/2)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    assert "<h3>Why</h3>" in text  # below the page's own headings
    assert "<li><em>lr</em> too <strong>high</strong></li>" in text
    assert '<a href="/sweeps/2" rel="noopener noreferrer">it</a>' in text
    assert "<td>1</td>" in text


@pytest.mark.parametrize(
    "nasty",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![picture](https://elsewhere.example/x.png)",
        "[click](javascript:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        "[click](vbscript:x)",
        '[a](/x "" onmouseover="alert(1)")',
        '<https://a.example/"onclick=alert(1)>',
    ],
)
def test_nothing_in_it_runs_or_loads(nasty: str) -> None:
    for element in parse_page(str(render_html(nasty))).find_all():
        assert element.name in ("p", "a")
        assert set(element.attrs) <= {"href", "rel", "title"}
        assert not element.get("href", "").startswith(("javascript:", "data:", "vbscript:"))
