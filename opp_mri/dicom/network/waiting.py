"""What a server sends, in bounded time: a silent or dripping server ends the wait, not the program.

The exchange runs in a thread of its own; this one waits for its items. A thread that a server holds
up is abandoned, and ends with its connection.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import Final, TypeVar

from attrs import define, field, frozen

from opp_mri.errors import PeerError

LOOK_EVERY_S: Final = 0.2
WHOLE_ITEM: Final = 20  # an item may take this many times as long as a silence may last
Item = TypeVar("Item")
MOST_WAITING: Final = 4  # items that were received and not yet taken


@define(kw_only=True)
class Activity:
    """When the other side was last heard of.

    Parameters
    ----------
    is_fine
        Whether each packet is noted; else only whole items are.
    latest
        In seconds of the monotonic clock.
    """

    is_fine: bool = False
    latest: float = field(factory=time.monotonic)

    def note_activity(self) -> None:
        """Note that something came."""
        self.latest = time.monotonic()


class _AbandonedError(Exception):
    """Nobody waits for the exchange any more."""


@frozen
class _End:
    """The end of an exchange, with the error that ended it."""

    error: BaseException | None = None


def take_in_time(
    exchange: Callable[[Callable[[Item], None]], None],
    *,
    peer: str,
    timeout_s: float,
    stop: Callable[[], None],
    activity: Activity | None = None,
) -> Iterator[Item]:
    """Run an exchange in a thread, and yield what it hands over.

    Parameters
    ----------
    exchange
        Called with the function that takes each item; it returns when there are no more.
    peer
        Name of the other side, for the message.
    timeout_s
        Longest silence, where `activity` notes each packet; an item as a whole may take 20 times
        as long.
    stop
        Ends the connection; called where the exchange does not end by itself.

    Raises
    ------
    PeerError
        The other side was silent or slow for too long, or whatever the exchange raised.
    """
    items: Queue[Item | _End] = Queue(MOST_WAITING)
    abandonment = threading.Event()
    activity = activity or Activity()

    def put_item(item: Item | _End) -> None:
        while not abandonment.is_set():
            try:
                items.put(item, timeout=LOOK_EVERY_S)
            except Full:
                continue
            return
        raise _AbandonedError

    def run() -> None:
        try:
            try:
                exchange(put_item)
            except _AbandonedError:
                raise
            except BaseException as error:  # raised again where the items are taken
                put_item(_End(error))
            else:
                put_item(_End())
        except _AbandonedError:
            return

    threading.Thread(target=run, name=f"exchange with {peer}", daemon=True).start()
    has_ended = False
    try:
        while True:
            item = _wait_for_next(items, peer, timeout_s, activity)
            if isinstance(item, _End):
                has_ended = True
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        abandonment.set()
        if not has_ended:
            stop()


def _wait_for_next(
    items: Queue[Item | _End], peer: str, timeout_s: float, activity: Activity
) -> Item | _End:
    activity.note_activity()
    start = activity.latest
    while True:
        with suppress(Empty):
            return items.get(timeout=min(LOOK_EVERY_S, timeout_s))
        present = time.monotonic()
        if activity.is_fine and present - activity.latest > timeout_s:
            raise PeerError(
                f"{peer} has sent nothing for {timeout_s:g} s, so the connection was ended: try "
                "again later. What has arrived is kept."
            )
        if present - start > WHOLE_ITEM * timeout_s:
            raise PeerError(
                f"{peer} sends too slowly: one object took longer than "
                f"{WHOLE_ITEM * timeout_s:g} s. Try again later, or raise timeout_s of the peer in "
                "the settings. What has arrived is kept."
            )
