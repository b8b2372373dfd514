"""What charts have drawn, read out of the page, and a sweep that draws for long enough to be watched."""

from typing import Any

from playwright.sync_api import Page

# Settings that train for minutes, an epoch a few times a second: a flood of epochs would keep the pages busy.
SLOW: dict[str, Any] = {"epochs": 3_000, "hidden": [300, 100], "val_count": 300, "init": "he"}


LAST = "Math.max(0, ...document.querySelector('#loss').data.flatMap((trace) => trace.x))"


def wait_for_points(page: Page, chart: str, more_than: int) -> None:
    page.wait_for_function(
        "([chart, least]) => (document.querySelector(chart).data || [])"
        ".reduce((n, trace) => n + trace.x.length, 0) > least",
        arg=[chart, more_than],
    )


def last_epoch(page: Page) -> int:
    """Up to where the loss curves reach. Long ones are thinned: the number of their points need not grow."""
    return int(page.evaluate(LAST))


def wait_until_grown(page: Page, beyond: int | None = None) -> None:
    """Waits until the loss curves reach beyond an epoch, by default beyond where they reach now."""
    page.wait_for_function(f"(epoch) => {LAST} > epoch", arg=last_epoch(page) if beyond is None else beyond)


def x_range(page: Page, chart: str) -> list[float]:
    return [float(end) for end in page.evaluate(f"document.querySelector('{chart}')._fullLayout.xaxis.range")]


def assert_no_gap(page: Page) -> None:
    """The best trial's curve has the first epochs, every so-many-th after, once, and the last."""
    drawn = page.evaluate("document.querySelector('#loss').data.find((trace) => trace.name === 'best').x")
    *epochs, last = [epoch for epoch in drawn if epoch is not None]
    stride = epochs[-1] - epochs[-2] if len(epochs) > 1 else 1
    head = next((n for n, epoch in enumerate(epochs, start=1) if epoch != n), len(epochs) + 1) - 1
    assert epochs == [n for n in range(1, epochs[-1] + 1) if n <= head or (n - 1) % stride == 0]
    assert epochs[-1] < last <= epochs[-1] + stride
