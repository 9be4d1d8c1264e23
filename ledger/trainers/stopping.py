"""Stopping when somebody asks for it: after the step that is under way, with a checkpoint, not in the middle.

Before the first step there is nothing to save, and what is under way (reading a model, preparing rows) may take long:
there it stops at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop(AbstractContextManager["Stop"]):
    """Hears SIGINT and SIGTERM while it is open: `asked` says so; a second one ends the process as it always does."""

    def __init__(self) -> None:
        """Begin with nobody having asked."""
        self.asked = False
        self._raises = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Listen; outside the main thread, where signals cannot be heard, do nothing."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._hear) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no longer."""
        self._restore()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """While this is open, raise KeyboardInterrupt where the program stands; also if somebody has asked before."""
        if self.asked:
            raise KeyboardInterrupt
        self._raises = True
        try:
            yield
        finally:
            self._raises = False

    def _hear(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as handlers are called
        self.asked = True
        self._restore()
        if self._raises:
            raise KeyboardInterrupt

    def _restore(self) -> None:
        while self._before:
            number, handler = self._before.popitem()
            signal.signal(number, handler)
