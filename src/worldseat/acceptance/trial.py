"""One promise on trial: what was tried, what broke, and when to stop."""

import time
from collections.abc import Callable

from worldseat.domain.acceptance import Case, Promise, Stampeded, Standing

CASES_MAX = 50
"""So many broken cases of one promise are written down; all are counted."""

HOPELESS = 5
"""After so many broken cases a promise is broken; trying on would only cost time and money."""

OnProgress = Callable[[str, int, int], None]
"""Told a promise's name, how much of it was tried, and how much there is."""


class LimitReached(Exception):
    """The run has cost as much as it may."""


class CannotTry(Exception):
    """A promise cannot be put to the test here; the text says why."""


class Trial:
    """Counts what is tried for one promise.

    `within_limit` is asked between two tries. `lists_all` writes down every case, and not only what
    broke. `stampeded` takes the figures of its stampedes, also when it is cut short.
    """

    def __init__(
        self,
        name: str,
        title: str,
        of_what: str,
        *,
        lists_all: bool,
        within_limit: Callable[[], bool],
        on_progress: OnProgress,
    ) -> None:
        self.tried = 0
        self.broken = 0
        self.stampeded: list[Stampeded] = []
        self._name = name
        self._title = title
        self._of_what = of_what
        self._lists_all = lists_all
        self._within_limit = within_limit
        self._on_progress = on_progress
        self._cases: list[Case] = []
        self._total = 0
        self._began_s = time.monotonic()

    def expect(self, total: int) -> None:
        """Say how much there is to try."""
        self._total = total
        self._on_progress(self._name, 0, total)

    def case(self, name: str, *, held: bool, wanted: str, seen: str, listed: bool = False) -> None:
        """Take note of one thing that was tried, and of how it ended; `listed` in any case."""
        self.tried += 1
        self.broken += not held
        if listed or self._lists_all or (not held and len(self._cases) < CASES_MAX):
            self._cases.append(Case(name=name, held=held, wanted=wanted, seen=seen))
        self._on_progress(self._name, self.tried, max(self._total, self.tried))

    def goes_on(self) -> bool:
        """Say whether trying on is of any use. Raises LimitReached."""
        if not self._within_limit():
            raise LimitReached
        return self.broken < HOPELESS

    def ended(self, seen: str) -> Promise:
        """Return the promise after everything was tried."""
        return self._promise(Standing.BROKEN if self.broken else Standing.HELD, seen)

    def cut_short(self, why: str) -> Promise:
        """Return the promise of a trial that did not come to its end."""
        standing = Standing.BROKEN if self.broken else Standing.NOT_TRIED
        after = f", after {self.tried} {self._of_what}" if self.tried else ""
        return self._promise(standing, f"{why}{after}.")

    def _promise(self, standing: Standing, seen: str) -> Promise:
        if standing is Standing.HELD and not self.tried:
            standing = Standing.NOT_TRIED
        return Promise(
            name=self._name,
            title=self._title,
            standing=standing,
            tried=self.tried,
            of_what=self._of_what,
            broken=self.broken,
            seen=seen,
            cases=tuple(self._cases),
            took_s=round(time.monotonic() - self._began_s, 3),
        )
