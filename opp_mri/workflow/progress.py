"""How a long step reports its progress to whoever runs it."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the name of the step, the number of parts that are done, and the number of all."""


def ignore_progress(_step: str, _done: int, _total: int) -> None:
    """Report nothing."""
