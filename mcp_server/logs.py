"""What the server says to its operator: short lines on stderr, without what callers sent and samples hold."""

from __future__ import annotations

import logging
import sys
from types import TracebackType

from typing_extensions import override

from mcp_server.untrusted import one_line

_LONGEST = 300


class Discreet(logging.Formatter):
    """Writes an exception as its kind and place; its words may quote a request or a sample."""

    def __init__(self) -> None:
        """Show the level, the part of the program and one line."""
        super().__init__("%(levelname)s %(name)s: %(message)s")

    @override
    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        """Return kind and place of an exception."""
        kind, _, trace = ei
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = "" if trace is None else f" at {trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        return f"  {'' if kind is None else kind.__name__}{place}"

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line of a record, cut and without line ends or control characters."""
        return one_line(super().formatMessage(record), _LONGEST)


def set_up() -> None:
    """Let everything that is logged in this process go to stderr; to be called before the SDK sets up its own."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Discreet())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
