"""Telling the person in a portrait from the background, with MediaPipe's selfie segmentation."""
from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from core.cv import cv2
from core.errors import AssetError
from core.landmarks import quiet

MODEL_PATH = Path(__file__).resolve().parent.parent / "resources" / "segmentation" / "selfie_segmentation.tflite"
SIDE = 256  # the model's own size


def person_share(picture: np.ndarray, model: Path = MODEL_PATH) -> np.ndarray:
    """(256, 256) float32 in [0, 1]: how surely each part of a picture (H, W, 3) uint8 shows a person, hair and clothes included.

    Takes some hundredths of a second. Raises AssetError when the model file or the package is missing.
    """
    if not model.is_file():
        raise AssetError(f"The model that finds the person in a photo, {model}, is missing. Restore it from the program's files.")
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with quiet():
            import mediapipe
            from mediapipe.tasks.python import BaseOptions, vision
    except (ImportError, OSError) as error:
        raise AssetError(f"MediaPipe, which finds the person in a photo, can't be loaded ({error}). Run 'make setup'.") from error
    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    options = vision.ImageSegmenterOptions(base_options=BaseOptions(model_asset_buffer=model.read_bytes()),
                                           output_category_mask=False, output_confidence_masks=True)
    with quiet():
        segmenter = vision.ImageSegmenter.create_from_options(options)
        try:
            wrapped = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(small))
            return np.array(segmenter.segment(wrapped).confidence_masks[0].numpy_view(), np.float32).reshape(SIDE, SIDE)
        finally:
            segmenter.close()
