"""Stage 2: a personal model from an album of photos, in a run that can be watched, paused, killed and gone on with."""
