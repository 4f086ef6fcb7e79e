"""Options that several commands share: where the data is and which database to use."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from worldseat.domain.errors import BadRequest
from worldseat.settings import REGIONS, Settings


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which WorldSeat a command works on."""

    home: Annotated[Path, Parameter(env_var="WORLDSEAT_HOME")] = Path("var")
    """Folder of the embedded database and of the signing key."""

    us_east_1_url: Annotated[str | None, Parameter(env_var="WORLDSEAT_US_EAST_1_URL")] = None
    """postgresql:// address of us-east-1; with us-east-2's, instead of the embedded database."""

    us_east_2_url: Annotated[str | None, Parameter(env_var="WORLDSEAT_US_EAST_2_URL")] = None
    """postgresql:// address of us-east-2."""

    def settings(self, url: str | None = None) -> Settings:
        """Return the settings; `url` is one address for both Regions, before all others.

        Raises BadRequest when only one Region's address is given.
        """
        if url is not None:
            urls = dict.fromkeys(REGIONS, url)
            return Settings(home=self.home.absolute(), database_urls=urls)
        urls = {
            region: url
            for region, url in zip(REGIONS, (self.us_east_1_url, self.us_east_2_url), strict=True)
            if url
        }
        if urls and len(urls) != len(REGIONS):
            raise BadRequest(
                "One Region has an address and the other has none.",
                next_step="Give both --us-east-1-url and --us-east-2-url, or neither.",
            )
        return Settings(home=self.home.absolute(), database_urls=urls)


HERE = Where()
