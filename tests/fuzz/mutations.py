"""Sound inputs with changes, as a strategy of hypothesis, so that what fails is made small."""

from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

MOST_CHANGES: Final = 6
TOKENS: Final = (
    b"\x00" * 8, b"\xff" * 8, b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"-1", b"1e300", b"NaN",
    b"Infinity", b"1_0", b'"', b"'", b",", b"\r\n", b"\\", b"=", b"[[", b"{}", b"\x1b]0;x\x07",
    "\u202e".encode(), "\u2212".encode(), b"\xfe\xff\x00\xe0", b"SQ\x00\x00\xff\xff\xff\xff",
    b"PK\x05\x06", b"../", b"9" * 400, b"=cmd|' /C calc'!A0", b"\xed\xa0\x80",
)  # fmt: skip


def mutated(sound: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Return inputs with a few changes: bits, bytes, tokens, pieces cut out or repeated."""
    place = st.integers(0, 1 << 20)
    change = st.one_of(
        st.tuples(st.just("flip"), place, st.integers(0, 7)),
        st.tuples(st.just("put"), place, st.sampled_from(TOKENS)),
        st.tuples(st.just("set"), place, st.binary(min_size=1, max_size=8)),
        st.tuples(st.just("cut"), place, st.integers(1, 64)),
        st.tuples(st.just("repeat"), place, st.integers(1, 64)),
        st.tuples(st.just("end"), place, st.just(0)),
    )
    changes = st.lists(change, max_size=MOST_CHANGES)
    return st.builds(apply_changes, st.sampled_from(sound), changes)


def apply_changes(content: bytes, changes: Sequence[tuple[str, int, int | bytes]]) -> bytes:
    """Apply changes in their order; a place beyond the end counts from the beginning again."""
    for kind, place, operation in changes:
        at = place % (len(content) + 1)
        match kind, operation:
            case "flip", int(bit) if at < len(content):
                content = content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]
            case "put", bytes(token):
                content = content[:at] + token + content[at:]
            case "set", bytes(token):
                content = content[:at] + token + content[at + len(token) :]
            case "cut", int(size):
                content = content[:at] + content[at + size :]
            case "repeat", int(size):
                content = content[: at + size] + content[at:]
            case "end", _:
                content = content[:at]
    return content
