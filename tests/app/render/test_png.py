"""Pictures written by hand: read back by plotly-free means, they hold the pixels that were given."""

import struct
import zlib

import numpy as np
import pytest

from app.render import png


def decode(data: bytes) -> tuple[tuple[int, ...], np.ndarray]:
    """Header and pixels of a PNG as this writer makes them; checks every chunk's sum."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks = {}
    at = 8
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(name + body)
        chunks[name] = body
        at += 12 + size
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    header = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    width, height, _, colour = header[:4]
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)
    assert not lines[:, 0].any()
    return header, lines[:, 1:].reshape(height, width, 3 if colour == 2 else 1)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (1, 1, 3)])
def test_pixels_come_back(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    header, found = decode(png.encode(pixels))
    assert header == (shape[1], shape[0], 8, 2 if shape[2:] == (3,) else 0, 0, 0, 0)
    assert np.array_equal(found.reshape(shape), pixels)


@pytest.mark.parametrize("bad", [np.zeros((2, 2)), np.zeros((2, 2, 4), np.uint8), np.zeros(4, np.uint8)])
def test_what_is_no_picture_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="A picture is uint8"):
        png.encode(bad)


def test_a_sheet_sets_images_in_rows_with_gaps() -> None:
    images = np.stack([np.full((2, 3, 1), n, np.uint8) for n in (1, 2, 3)])
    picture = png.tile_images(images, columns=2, gap=1, ground=9)[:, :, 0]
    assert picture.tolist() == [
        [1, 1, 1, 9, 2, 2, 2],
        [1, 1, 1, 9, 2, 2, 2],
        [9, 9, 9, 9, 9, 9, 9],
        [3, 3, 3, 9, 9, 9, 9],
        [3, 3, 3, 9, 9, 9, 9],
    ]


def test_stretching_uses_the_whole_range_and_survives_nan() -> None:
    values = np.array([[0.0, 1.0], [-2.0, np.nan]]).reshape(2, 1, 2, 1)
    assert png.scale_to_bytes(values, per_image=True).ravel().tolist() == [0, 255, 0, 255]
    assert png.scale_to_bytes(values, per_image=False).ravel().tolist() == [170, 255, 0, 170]
    assert png.scale_to_bytes(np.zeros((1, 1, 2, 1)), per_image=True).ravel().tolist() == [128, 128]
