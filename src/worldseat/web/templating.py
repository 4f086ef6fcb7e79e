"""The templates, and the words that they all share."""

from functools import cache
from pathlib import Path

import jinja2

import worldseat
from worldseat.web.scripts import needed_by
from worldseat.web.views import words
from worldseat.web.views.trouble import Trouble

HERE = Path(__file__).parent


@cache
def environment() -> jinja2.Environment:
    """Return the templates: escaped always, and strict about names that do not exist."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    templates.filters.update(
        count=words.count, clock=words.clock, day=words.day, of=words.of, short_ids=words.short_ids
    )
    templates.tests["trouble"] = lambda value: isinstance(value, Trouble)
    templates.globals["version"] = worldseat.__version__
    templates.globals["needed_by"] = needed_by
    return templates
