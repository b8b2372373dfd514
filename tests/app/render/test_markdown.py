"""Notes: Markdown becomes HTML that can neither run nor load anything."""

import re

import pytest

from app.render.markdown import render_html


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
    text = str(render_html(nasty))
    tags = re.findall(r"<(\w+)([^>]*)>", text)
    assert {tag for tag, _ in tags} <= {"p", "a"}
    for _, attributes in tags:
        names = re.findall(r'\s([\w-]+)=(?:"[^"]*")', attributes)
        assert set(names) <= {"href", "rel", "title"}
        assert not re.search(r'href="(javascript|data|vbscript):', attributes)
