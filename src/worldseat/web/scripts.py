"""Which modules a page's script needs, so that the browser fetches them side by side."""

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static" / "js"

_IMPORT = re.compile(r"""^(?:import|export)\b[^"';]*?["']\./([\w-]+\.js)["']""", re.MULTILINE)


@cache
def needed_by(entry: str) -> tuple[str, ...]:
    """Return the modules that the entry module imports, directly or not, in a stable order."""
    found: dict[str, None] = {}
    waiting = [entry]
    while waiting:
        text = (FOLDER / waiting.pop()).read_text()
        fresh = [name for name in _IMPORT.findall(text) if name not in found]
        found.update(dict.fromkeys(fresh))
        waiting.extend(fresh)
    return tuple(found)
