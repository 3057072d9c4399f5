"""The saved document: what a project is, its file, the copies kept against a crash, and where photos were last seen."""
from __future__ import annotations

from core.project.file import read_project, write_project
from core.project.project import SUFFIX, NamedModel, NamedPhoto, Project, ProjectError
from core.project.snapshot import Snapshot

__all__ = ["SUFFIX", "NamedModel", "NamedPhoto", "Project", "ProjectError", "Snapshot", "read_project", "write_project"]
