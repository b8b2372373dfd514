"""JSON of data sets: their names, sizes and classes."""

from app.schemas.fields import Out


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
