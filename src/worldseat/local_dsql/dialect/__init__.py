"""The SQL that Aurora DSQL takes: read it, refuse the rest, and say what a statement does.

Pure: no I/O, no clock. A text goes in, statements or the service's refusal come out.
"""

from worldseat.local_dsql.dialect.parameters import refuse_parameters
from worldseat.local_dsql.dialect.reading import read
from worldseat.local_dsql.dialect.refused import Refused
from worldseat.local_dsql.dialect.statement import Kind, Statement
from worldseat.local_dsql.dialect.statements import refuse_job_id

__all__ = ["Kind", "Refused", "Statement", "read", "refuse_job_id", "refuse_parameters"]
