"""Every statement that the product really sends, those built at run time included.

The cluster wrote them down while the tests of this run, and this one, were at work.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell
from worldseat.domain.seats import Code
from worldseat.local_dsql.dialect import read, refuse_parameters
from worldseat.services.wiring import Services

LINT = Path(sys.executable).with_name("dsql-lint")
TEXT_ARRAY = 1009


def sent(record: Path) -> list[dict[str, Any]]:
    """Return what programs of WorldSeat sent, each statement once."""
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    return [line for line in lines if line["application"].startswith("worldseat")]


def lint(file: Path) -> list[str]:
    """Return what AWS's linter finds in a file."""
    done = subprocess.run(
        [LINT, "--format", "json", file], capture_output=True, text=True, check=False
    )
    return [
        f"{wrong['rule']}: {wrong.get('message', '')}"
        for each in json.loads(done.stdout)["files"]
        for wrong in each["diagnostics"]
    ]


async def use_all_of_it(services: Services, event: Event) -> None:
    """Sell, judge, show and rehearse, as fans, operators and sceptics do."""
    for code in (Code.NAIVE, Code.CONDITIONAL):
        run = await services.stampedes.start(
            event_id=event.event_id,
            cell=Cell(store="dsql", code=code, arrival=Arrival(), buyers=8),
            seat="A1",
        )
        await services.stampedes.wait(run.plan.run_id)
        await services.store.history(run.plan.run_id)
    await services.shop.buy(fan_id="fan_sent", key="k", event_id=event.event_id, seats=["B1"])
    await services.shop.tickets("fan_sent")
    await services.witness.judge(event.event_id)
    await services.onsale.reset(event.event_id)
    await services.store.health()


async def test_every_statement_passes_the_gate_and_the_service_s_own_linter(
    services: Services, event: Event, record: Path, tmp_path: Path
) -> None:
    await use_all_of_it(services, event)
    statements = sent(record)
    texts = [each["sql"] for each in statements]
    for table in ("event", "sale_round", "seat", "lane", "op_log", "run", "lease"):
        assert any(re.search(rf"\b{table}\b", text) for text in texts), table
    verbs = {read(text)[0].tag for text in texts}
    assert {"SELECT", "INSERT", "UPDATE", "BEGIN", "COMMIT", "ROLLBACK", "CREATE TABLE"} <= verbs
    for each in statements:
        assert len(read(each["sql"])) == 1
        refuse_parameters(each["oids"])
    assert any(TEXT_ARRAY in each["oids"] for each in statements)
    assert len(statements) > 50
    file = tmp_path / "sent.sql"
    file.write_text(";\n".join(text.strip().rstrip(";") for text in texts) + ";\n")
    assert lint(file) == []
