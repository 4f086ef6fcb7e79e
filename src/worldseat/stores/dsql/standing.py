"""How one Region's endpoint stands, as this process knows it: its state, and what went through it.

Anybody who meets an error there reports it; only the watch decides what it means.
"""

import asyncio

from worldseat.stores.dsql import failures
from worldseat.stores.dsql.figures import Figures
from worldseat.stores.dsql.opening import Opening

OK = "ok"


class Standing:
    """The state of one endpoint: `ok`, or what is wrong, for operators.

    `readable` says that it answers, though it may be unable to commit: good enough to show the
    floor by when nothing better is left. `alarm` is set when somebody met a loss there, so that it
    is looked at now and not later.
    """

    def __init__(self, region: str, url: str) -> None:
        self.region = region
        self.state = "not looked at yet"
        self.readable = False
        self.figures = Figures()
        self.opening = Opening(url)
        self.alarm = asyncio.Event()

    @property
    def serves(self) -> bool:
        """Say whether fans may be sent here."""
        return self.state == OK

    def met(self, error: BaseException) -> None:
        """Take note of an error that somebody met here."""
        if failures.takes_no_commits(error):
            # It is definite, and the same for everybody: nobody else need find it out.
            self.state, self.readable = failures.told(error), True
            self.alarm.set()
        elif failures.is_loss(error):
            self.alarm.set()
