"""The 68 points of the alignment convention (spec section 1) in terms of MediaPipe's 478."""
from __future__ import annotations

CONTOUR = (162, 234, 93, 132, 58, 172, 150, 176, 152, 400, 379, 397, 288, 361, 323, 454, 389)
BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
NOSE = (168, 197, 5, 4, 75, 97, 2, 326, 305)
EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
LIPS = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87)

MEDIAPIPE_68: tuple[tuple[int, ...], ...] = tuple((index,) for index in CONTOUR + BROWS + NOSE + EYES + LIPS)
CONTOUR_STEPS = len(CONTOUR)
