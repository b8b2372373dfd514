"""What is done with a winner, with real training: averaged with others, taken away, repeated over seeds."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.usecases import model_file

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Opener = Callable[..., Page]
Post = Callable[..., dict[str, Any]]


def test_a_winner_is_averaged_taken_away_and_repeated(
    open_page: Opener, post_sweep: Post, tmp_path: Path
) -> None:
    sweep = post_sweep(trials=4, settings={"epochs": 3, "val_count": 300, "hidden": [10], "init": "he"})
    page = open_page(f"/sweeps/{sweep['id']}")
    expect(page.locator("#state")).to_have_attribute("data-state", "finished", timeout=60_000)

    page.get_by_label("Export and more").click()
    page.get_by_role("button", name="Average of the best nets").click()
    average = page.get_by_role("dialog", name="Average of the best nets")
    average.get_by_label("Nets, the best that are kept").fill("3")
    average.get_by_role("button", name="Measure").click()
    expect(average.get_by_role("status")).to_contain_text("The average of 3 nets gets 0.")
    expect(average.get_by_label("val accuracy of each").get_by_role("listitem")).to_have_count(3)
    with page.expect_download() as nets:
        average.get_by_role("link", name=".npz").click()
    nets.value.save_as(tmp_path / "nets.npz")
    assert len(model_file.read(tmp_path / "nets.npz")) == 3

    average.get_by_role("link", name=re.compile("^#")).first.click()
    with page.expect_download() as net:
        page.get_by_role("link", name=".safetensors").click()
    net.value.save_as(tmp_path / "net.safetensors")
    (winner,) = model_file.read(tmp_path / "net.safetensors")
    assert winner.about["settings"]["hidden"] == [10]

    page.get_by_role("button", name="Repeat over seeds").click()
    page.get_by_label("Seeds", exact=True).fill("5")
    page.get_by_role("button", name="Train them").click()
    words = page.locator("#seeds-words")
    expect(words).to_contain_text("Over 5 seeds the val accuracy is 0.", timeout=60_000)
    expect(words).to_contain_text("The repeated run's 0.")
    page.locator("#seeds-acc").scroll_into_view_if_needed()
    expect(page.locator("#seeds-acc .scatterlayer path.js-line")).not_to_have_count(0)
    expect(page.get_by_role("link", name="the trial that it repeats")).to_be_visible()
