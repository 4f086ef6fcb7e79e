"""SQL by name. Each file under queries/ is read once; a block begins with `-- name: …`."""

from importlib.resources import files

_NAME = "-- name: "


def load(file: str) -> dict[str, str]:
    """Return the statements of one query file by name. Raises ValueError on a doubled name."""
    found: dict[str, str] = {}
    for block in files(__package__).joinpath("queries", file).read_text().split(_NAME)[1:]:
        name, _, body = block.partition("\n")
        if name.strip() in found:
            message = f"{file}: two statements are named {name.strip()}"
            raise ValueError(message)
        found[name.strip()] = body.strip().removesuffix(";")
    return found
