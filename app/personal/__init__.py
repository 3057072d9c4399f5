"""Personal models in the window: the album, the training, the people."""
