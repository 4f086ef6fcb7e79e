"""Where the shipped venue files are: in the package, or beside a checkout's src."""

from pathlib import Path


def venue_text(name: str) -> str:
    """Return the text of a shipped venue file. Raises FileNotFoundError."""
    package = Path(__file__).parent
    for folder in (package / "venue_files", package.parents[1] / "venues"):
        if (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8")
    message = f"no venue file {name} comes with this installation"
    raise FileNotFoundError(message)
