"""The dialect answers as the recorded cluster did."""

import pytest
from tests.local_dsql.dialect.recorded import REFUSALS, TAKEN, Refusal, Taken

from worldseat.local_dsql.dialect import Refused, read


@pytest.mark.parametrize("case", REFUSALS, ids=[case.name for case in REFUSALS])
def test_what_the_cluster_refused_is_refused_in_its_words(case: Refusal) -> None:
    with pytest.raises(Refused) as caught:
        read(case.sql)
    assert (caught.value.sqlstate, caught.value.message) == (case.sqlstate, case.message)


@pytest.mark.parametrize("case", TAKEN, ids=[case.name for case in TAKEN])
def test_what_the_cluster_took_is_taken(case: Taken) -> None:
    (statement,) = read(case.sql)
    assert statement.tag == case.tag
