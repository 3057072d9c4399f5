"""The edited head as a mesh file: OBJ with its material, or binary glTF (GLB), in metres, posed and expressed as the edit says.

Axes are head space's, which are glTF's too: +x the picture's right, +y up, +z toward the viewer. Eyes, teeth and tongue are part
of it. Its colour is the reflectance, without the photo's light. trimesh writes the formats.
"""
from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from core.codes import FaceCode
from core.errors import UserError
from core.files import atomic_write
from core.head.base import Albedo, HeadModel

if TYPE_CHECKING:
    import trimesh

SUFFIXES = (".glb", ".obj")
_ROUGHNESS = 0.6  # skin's, about
_NAME = "head"


def check_mesh_path(path: str | Path) -> Path:
    """The path. Raises UserError where its suffix names no mesh format that can be written."""
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"Could not write {path}: a head is written as {' or '.join(SUFFIXES)}. End the name in one of these.")
    return path


def save_mesh(path: str | Path, head: HeadModel, code: FaceCode) -> Path:
    """Write the head of a code (the edited one) and return the path.

    GLB holds everything in one file; beside an OBJ goes its material (.mtl) and, for heads with a texture, the texture (.png).
    Raises UserError for another suffix, WriteError when it can't be written.
    """
    path = check_mesh_path(path)
    mesh = head_mesh(head, code, linear=path.suffix.lower() == ".glb")
    if path.suffix.lower() == ".glb":
        from trimesh.exchange.gltf import export_glb

        return atomic_write(path, export_glb(mesh.scene(), include_normals=True, tree_postprocessor=_matt))
    for name, data in _obj_files(mesh, path.stem).items():
        atomic_write(path.with_name(name) if name else path, data)
    return path


def head_mesh(head: HeadModel, code: FaceCode, *, linear: bool) -> trimesh.Trimesh:
    """The mesh with normals and colour. Vertices keep the head's own order, unless its texture needs some of them twice.

    linear: colours of vertices in linear light, as glTF wants them; else display RGB.
    """
    import trimesh  # takes half a second

    vertices, faces, albedo = head.vertices_of(code), np.asarray(head.faces), head.albedo(code.albedo)
    if albedo.texture is not None:
        return _textured(trimesh, vertices, faces, albedo)
    assert albedo.vertex is not None
    colours = np.clip(albedo.vertex, 0, 1)
    if linear:
        colours = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    return trimesh.Trimesh(vertices, faces, process=False, validate=False,
                           vertex_colors=np.rint(colours * 255).astype(np.uint8))


def _textured(trimesh: Any, vertices: np.ndarray, faces: np.ndarray, albedo: Albedo) -> Any:
    """A vertex for every pair of a place and a uv."""
    from core.render.buffers import corner_uv  # compiles; who only checks a file's name needs none of it

    uv = corner_uv(albedo, faces)
    assert uv is not None and albedo.texture is not None
    corners = np.column_stack([faces.reshape(-1), uv.reshape(-1, 2)])
    pairs, which = np.unique(corners, axis=0, return_inverse=True)
    texture = Image.fromarray(np.rint(np.clip(albedo.texture, 0, 1) * 255).astype(np.uint8))
    material = trimesh.visual.material.PBRMaterial(name=_NAME, baseColorTexture=texture, metallicFactor=0.0,
                                                   roughnessFactor=_ROUGHNESS)
    return trimesh.Trimesh(vertices[pairs[:, 0].astype(int)], which.reshape(-1, 3), process=False, validate=False,
                           visual=trimesh.visual.TextureVisuals(uv=pairs[:, 1:], material=material))


def _matt(tree: dict[str, Any]) -> None:
    """Vertex colours need a material of their own: glTF's default is bare metal. The mouth's inside shows from behind, too."""
    materials = tree.setdefault("materials", [])
    if not materials:
        materials.append({"name": _NAME, "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": _ROUGHNESS}})
    for material in materials:
        material["doubleSided"] = True
    for mesh in tree.get("meshes", ()):
        for primitive in mesh["primitives"]:
            primitive.setdefault("material", 0)


def _obj_files(mesh: trimesh.Trimesh, stem: str) -> dict[str, bytes]:
    """The files of an OBJ by name; '' is the OBJ itself, which comes last, so that it never names what isn't there."""
    from trimesh.exchange.obj import export_obj

    library = f"{stem}.mtl"
    begin = f"# A head in metres. +x the picture's right, +y up, +z toward the viewer.\nmtllib {library}\nusemtl {_NAME}\n"
    image = getattr(getattr(mesh.visual, "material", None), "baseColorTexture", None)
    write: Callable[..., Any] = export_obj
    plain = {"include_normals": True, "include_color": True, "include_texture": False, "header": None}
    text = write(mesh, **plain) if image is None else _with_uv(mesh)
    if image is None:
        visual: Any = mesh.visual
        colour = np.asarray(visual.vertex_colors)[:, :3].mean(0) / 255
        map_line, files = "", {}
    else:
        colour, stream = np.ones(3), io.BytesIO()
        image.save(stream, "PNG")
        map_line, files = f"map_Kd {stem}.png\n", {f"{stem}.png": stream.getvalue()}
    material = f"newmtl {_NAME}\nKa 0 0 0\nKd {colour[0]:.4f} {colour[1]:.4f} {colour[2]:.4f}\nKs 0 0 0\nillum 1\n{map_line}"
    return {**files, library: material.encode(), "": (begin + text + "\n").encode()}


def _with_uv(mesh: Any) -> str:
    """trimesh writes a texture's OBJ only together with a material of its own; so without."""
    lines = [f"v {x:.8f} {y:.8f} {z:.8f}" for x, y, z in mesh.vertices]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in mesh.visual.uv]
    lines += [f"vn {x:.6f} {y:.6f} {z:.6f}" for x, y, z in mesh.vertex_normals]
    lines += ["f " + " ".join(f"{i}/{i}/{i}" for i in face) for face in mesh.faces + 1]
    return "\n".join(lines)
