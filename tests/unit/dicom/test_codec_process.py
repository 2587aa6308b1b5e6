"""A codec may abort, hang or ask for all memory: the program goes on and says what happened."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from opp_mri.dicom.codec_process import CodecError, CodecPool, CodecProcess
from opp_mri.domain.imaging import SourceFile


@pytest.fixture
def codecs() -> Iterator[CodecProcess]:
    process = CodecProcess("fixtures.codec_faults:misbehave", seconds=20)
    yield process
    process.stop()


def call(codecs: CodecProcess, behaviour: str) -> object:
    return codecs.call(SourceFile(path=behaviour, size_bytes=0, modified_ns=0), [1])


def test_what_the_codec_gives_comes_back_whatever_it_prints(codecs: CodecProcess) -> None:
    assert call(codecs, "works") == 42
    assert call(codecs, "prints") == 42


def test_a_codec_that_aborts_ends_its_own_process_and_the_next_image_is_decoded(
    codecs: CodecProcess,
) -> None:
    with pytest.raises(CodecError, match="the codec broke down"):
        call(codecs, "aborts")
    assert call(codecs, "works") == 42


def test_an_error_of_the_codec_is_told_in_its_words(codecs: CodecProcess) -> None:
    with pytest.raises(CodecError, match="broken stream"):
        call(codecs, "raises")


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is that of Linux")
def test_a_codec_that_asks_for_all_memory_is_refused_it(codecs: CodecProcess) -> None:
    with pytest.raises(CodecError, match="too much memory"):
        call(codecs, "asks for all memory")


def test_a_codec_that_does_not_end_is_ended() -> None:
    codecs = CodecProcess("fixtures.codec_faults:misbehave", seconds=2)
    with pytest.raises(CodecError, match="longer than 2 s"):
        call(codecs, "hangs")
    codecs.stop()


def test_callers_at_the_same_time_have_a_process_each_and_one_alone_has_the_same_again() -> None:
    source = SourceFile(path="", size_bytes=0, modified_ns=0)
    pool = CodecPool("fixtures.codec_faults:name_process", count=2)
    try:
        alone = {pool.call(source, (1,)) for _ in range(3)}
        with ThreadPoolExecutor(2) as threads:
            together = set(threads.map(lambda _: pool.call(source, (1,)), range(8)))
    finally:
        pool.stop()
    assert len(alone) == 1
    assert alone < together
    assert len(together) == 2
