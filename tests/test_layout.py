"""The import rules between the folders, read from the source: what each may use, whether or not a line is ever run."""
from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
OURS = ("app", "core", "models", "main", "tests", "benchmarks", "resources")
QT = ("PySide6", "shiboken6", "pyqtgraph", "PyQt5", "PyQt6")

# folder: top-level names that may not be imported there
FORBIDDEN = {
    "core": (*QT, "app", "main", "tests", "benchmarks"),
    "models": (*QT, "app", "main", "core", "tests", "benchmarks"),
    "app": ("torch", "main", "tests", "benchmarks"),
}


def sources(*folders: str) -> list[Path]:
    """Python files of the folders, and main.py."""
    found = [path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py"))]
    return [path for path in found if "__pycache__" not in path.parts]


def imports(path: Path) -> Iterator[tuple[str, int, bool]]:
    """(dotted module name, line, only for type checking) of every import in a file, at any depth."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    typing_only: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            typing_only |= {id(inner) for statement in node.body for inner in ast.walk(statement)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, id(node) in typing_only
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:  # relative: seen from the file's own package
                package = path.relative_to(REPOSITORY).parts[:-node.level]
                base = ".".join((*package, base)).rstrip(".")
            yield base, node.lineno, id(node) in typing_only


@pytest.mark.parametrize("folder", sorted(FORBIDDEN))
def test_no_folder_reaches_where_it_may_not(folder: str) -> None:
    broken = [f"{path.relative_to(REPOSITORY)}:{line} imports {module}"
              for path in sources(folder) for module, line, typing_only in imports(path)
              if module.split(".")[0] in FORBIDDEN[folder] and not typing_only]
    assert not broken, "\n".join(broken)


def test_models_use_torch_only() -> None:
    allowed = {"torch", "models", "safetensors", "numpy", *sys.stdlib_module_names}
    broken = [f"{path.relative_to(REPOSITORY)}:{line} imports {module}"
              for path in sources("models") for module, line, _ in imports(path) if module.split(".")[0] not in allowed]
    assert not broken, "\n".join(broken)


def test_opencv_comes_from_one_place() -> None:
    everywhere = sources("app", "core", "models", "benchmarks", "resources", "tests")
    broken = [f"{path.relative_to(REPOSITORY)}:{line}" for path in everywhere if path != REPOSITORY / "core" / "cv.py"
              for module, line, _ in imports(path) if module.split(".")[0] == "cv2"]
    assert not broken, "import it from core.cv: " + ", ".join(broken)


def test_nothing_unpinned_is_imported() -> None:
    """Every third-party package that the program imports is one that `make setup` installs by name."""
    wanted = {"PIL": "pillow", "cv2": "opencv-contrib-python", "dlib": "dlib-bin", "PySide6": "PySide6-Essentials",
              "face_recognition_models": "face-recognition-models", "c2pa": "c2pa-python"}
    optional = {"pillow_heif", "pytorch3d", "embreex", "onnxruntime", "openvino"}
    lines = [line.split("#")[0] for name in ("requirements.txt", "constraints.txt")
             for line in (REPOSITORY / name).read_text(encoding="utf-8").splitlines()]
    pinned = {line.partition("=")[0].partition(">")[0].strip().lower().replace("_", "-") for line in lines}
    broken = {f"{module} in {path.relative_to(REPOSITORY)}"
              for path in [*sources("app", "core", "models"), REPOSITORY / "main.py"] for module, _, _ in imports(path)
              for top in [module.split(".")[0]]
              if top not in sys.stdlib_module_names and top not in OURS and top not in optional
              and wanted.get(top, top).lower().replace("_", "-") not in pinned}
    assert not broken, "\n".join(sorted(broken))


COMMANDS = "from core.cli import run\nassert run(['--help'], None, None) == 0 and run(['edit', '--help'], None, None) == 0"


@pytest.mark.parametrize(("what", "program", "late"), [("the command line", COMMANDS, {"PySide6"}),
                                                       ("the window", "import app.window", set())])
def test_big_packages_load_only_when_there_is_work_for_them(what: str, program: str, late: set[str]) -> None:
    """Arguments are checked at once, and the window is there before what it computes with."""
    late = late | {"torch", "mediapipe", "numba", "scipy.signal", "av", "trimesh"}
    program = f"import sys\n{program}\nsys.exit(' '.join(sorted({late!r} & set(sys.modules))) or 0)"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, f"{what} loads {done.stderr}"
