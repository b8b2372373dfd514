"""Preflight: the lecture's checks in their order (what each asks: sanity, checks and probe)."""

from collections.abc import Iterator
from dataclasses import replace

from learning.data.dataset import Split
from learning.preflight.check_result import Check
from learning.preflight.data_checks import data, labels_fit
from learning.preflight.lr_probe import FIRST, probe
from learning.preflight.training_checks import chance_loss, gradient, overfit_tiny, reg_raises_loss
from learning.search.recipes import plan_recipe
from learning.settings import Settings

CODES = ("data", "chance-loss", "reg-raises-loss", "gradient", "overfit-tiny", "lr-probe", "learns")
NETS = len(FIRST)  # trained together at most
NET = ("hidden", "activation", "init", "init_scale", "preprocess", "seed")  # what makes a net another


def run(split: Split, settings: Settings, dataset: str) -> Iterator[Check | None]:
    """The checks one by one, each as soon as it is known; None in between, where the caller may stop.

    The split's preprocessing is used for every check. settings.seed must be filled in. Where the data check
    finds labels that no net can be trained on, it is the only one.
    """
    yield data(split)
    if not labels_fit(split):
        return
    yield chance_loss(split, settings)
    yield reg_raises_loss(split, settings)
    yield gradient(split, settings)
    yield from overfit_tiny(split, tiny_settings(settings, dataset))
    yield from probe(split, settings)


def tiny_settings(settings: Settings, dataset: str) -> Settings:
    """The overfit-tiny recipe's numbers for the data set, with the net of `settings`."""
    recipe = Settings.parse(plan_recipe("overfit-tiny", dataset).settings)
    return replace(recipe, **{name: getattr(settings, name) for name in NET})
