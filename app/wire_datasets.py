"""Wire of data sets: what is known of one."""

from app.wire import plain
from learning.data.catalog import Summary


def dataset(value: Summary) -> dict[str, object]:
    return {
        "name": value.name,
        "ready": value.ready,
        "n_train": value.n_train,
        "n_test": value.n_test,
        "n_features": value.n_features,
        "image_shape": plain(value.image_shape),
        "classes": list(value.classes),
        "class_counts": plain(value.class_counts),
        "source": value.source,
    }
