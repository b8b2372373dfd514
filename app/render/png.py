"""Writes 8-bit PNG files with zlib alone, and lays out arrays of images side by side."""

import struct
import zlib

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB = 0, 2


def encode(pixels: Pixels) -> bytes:
    """The PNG file of `pixels`, uint8 of shape (h, w), (h, w, 1) or (h, w, 3)."""
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)):
        raise ValueError(f"A picture is uint8 of (h, w) or (h, w, 3), not {pixels.dtype} of {pixels.shape}.")
    height, width = pixels.shape[:2]
    colour = _GREY if pixels.ndim == 2 else _RGB
    lines = pixels.reshape(height, -1)
    filtered = np.zeros((height, lines.shape[1] + 1), dtype=np.uint8)  # each line begins with filter 0: none
    filtered[:, 1:] = lines
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return (
        _SIGNATURE
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(filtered.tobytes(), 6))
        + _chunk(b"IEND", b"")
    )


def tile_images(images: Pixels, columns: int, gap: int = 1, ground: int = 128) -> Pixels:
    """`images` (n, h, w, c) in rows of `columns`, with `gap` pixels of the grey `ground` between them."""
    count, height, width, channels = images.shape
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, channels)
    picture = np.full(shape, ground, dtype=np.uint8)
    for n, image in enumerate(images):
        top, left = (n // columns) * (height + gap), (n % columns) * (width + gap)
        picture[top : top + height, left : left + width] = image
    return picture


def scale_to_bytes(values: npt.NDArray[np.floating], per_image: bool) -> Pixels:
    """`values` (n, h, w, c) scaled to 0..255, over all images or each on its own; a constant becomes grey."""
    finite = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    axes = (1, 2, 3) if per_image else None
    low, high = finite.min(axis=axes, keepdims=True), finite.max(axis=axes, keepdims=True)
    span = np.where(high > low, high - low, 1.0)
    scaled = np.where(high > low, (finite - low) / span, 0.5)
    return np.asarray(np.rint(scaled * 255.0), dtype=np.uint8)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
