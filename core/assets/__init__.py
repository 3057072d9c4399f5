"""The user's own licensed files: found in a folder, checked, converted once by a separate process, and kept in the data folder.

FLAME (Li et al. 2017), DECA's face encoder (Feng et al. 2021), released DiffusionRig checkpoints, and an ICT-FaceKit folder.
Their licences forbid shipping them. A pickle is read at import only, and never by Python's pickle module.
"""
from core.assets.importer import ImportReport, import_folder
from core.assets.store import Asset, encoder_file, flame_file, ict_folder, prior_files, remove, status

__all__ = ["Asset", "ImportReport", "encoder_file", "flame_file", "ict_folder", "import_folder", "prior_files", "remove",
           "status"]
