"""Small videos, sounds and films for tests, made on the spot."""
from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from core.film.clip import SOUND_RATE
from core.film.film import Film, Frames
from core.film.timeline import Key, Timeline, Track
from core.request import RenderRequest

# Resonances (Hz, width Hz) of three vowels and how loud each is: Peterson & Barney 1952, a man's voice.
VOWELS = {"a": ((730, 90), (1090, 110), (2440, 170)), "i": ((270, 60), (2290, 120), (3010, 170)),
          "u": ((300, 60), (870, 90), (2240, 170))}


def vowel(name: str, seconds: float, pitch: float = 120.0) -> np.ndarray:
    """A sung vowel: pulses through resonators. 's' is noise above 4 kHz, '-' silence."""
    count = round(seconds * SOUND_RATE)
    chance = np.random.default_rng(1)
    if name == "-":
        return (1e-4 * chance.standard_normal(count)).astype(np.float32)
    if name == "s":
        noise = np.fft.rfft(chance.standard_normal(count))
        noise[np.fft.rfftfreq(count, 1 / SOUND_RATE) < 4200] = 0
        out = np.fft.irfft(noise, count)
    else:
        from scipy.signal import lfilter

        out = np.zeros(count)
        out[::round(SOUND_RATE / pitch)] = 1.0
        for centre, width in VOWELS[name]:
            radius = np.exp(-np.pi * width / SOUND_RATE)
            out = lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * centre / SOUND_RATE), radius**2], out)
    fade = np.minimum(1, np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.02 * SOUND_RATE))
    loud = {"s": 0.15, "a": 0.8}.get(name, 0.5)
    return np.asarray(loud * fade * out / np.abs(out).max(), np.float32)


def save_sound(path: Path, sound: np.ndarray, codec: str = "pcm_s16le") -> Path:
    """Write one channel of 16,000 values a second."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=SOUND_RATE, layout="mono")
        samples: np.ndarray = (np.clip(sound, -1, 1) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = SOUND_RATE
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def save_video(path: Path, pictures: list[np.ndarray], fps: float = 25, codec: str = "libx264", rotation: int = 0) -> Path:
    """Write pictures (H, W, 3) uint8 of even size as a video."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001), options={"crf": "12"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def pictures(count: int, height: int = 64, width: int = 96) -> list[np.ndarray]:
    """Grey pictures, each a little lighter, with a bright bar that moves to the right."""
    made = []
    for i in range(count):
        picture = np.full((height, width, 3), 40 + 4 * i, np.uint8)
        picture[20:40, 4 * i:4 * i + 8] = (230, 60, 30)
        made.append(picture)
    return made


def finished(folder: Path, count: int = 6, fps: float = 12.0, sound: str = "", **changes: Any) -> tuple[Film, Frames]:
    """A film whose frames are all there."""
    timeline = Timeline(count / fps, fps, (Track("jaw.open", (Key(0, 0.0, "linear"), Key(count / fps, 0.5))),), sound, **changes)
    film = Film(RenderRequest("ab" * 32, size="crop"), timeline, 128)
    kept = Frames(folder)
    for key, picture in zip(film.keys, pictures(count), strict=True):
        kept.write(key, picture)
    return film, kept
