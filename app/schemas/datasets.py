"""JSON of data sets: their names, sizes and classes."""

from app.schemas.fields import Out
from app.schemas.json_values import json_safe
from learning.data.catalog import DatasetSummary


class DatasetOut(Out):
    name: str
    ready: bool
    n_train: int
    n_test: int
    n_features: int
    image_shape: list[int] | None
    classes: list[str]
    class_counts: list[int]
    source: str


class DatasetsOut(Out):
    datasets: list[DatasetOut]


def dataset_json(value: DatasetSummary) -> dict[str, object]:
    return {
        "name": value.name,
        "ready": value.ready,
        "n_train": value.n_train,
        "n_test": value.n_test,
        "n_features": value.n_features,
        "image_shape": json_safe(value.image_shape),
        "classes": list(value.classes),
        "class_counts": json_safe(value.class_counts),
        "source": value.source,
    }
