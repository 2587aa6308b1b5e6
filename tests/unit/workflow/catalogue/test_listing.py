"""Files of any number are listed on disk, and looked up by a number each."""

import tracemalloc

from opp_mri.domain.imaging import SourceFile
from opp_mri.workflow.catalogue.listing import FileList, Numbers, cut, name_file

ODD_NAMES = ("/a/plain", "/a/\udce9 not utf-8", "/a/line\nbreak", '/a/"quote"')


def make_file(number: int) -> SourceFile:
    return SourceFile(path=f"/scans/{number}", size_bytes=number, modified_ns=number)


def test_a_list_gives_its_files_in_order_as_often_as_asked() -> None:
    files = [SourceFile(path=path, member="m", size_bytes=1, modified_ns=2) for path in ODD_NAMES]
    with FileList() as file_list:
        assert list(file_list) == []
        file_list.add(files[:1])
        file_list.add(files[1:])
        assert (list(file_list), list(file_list)) == (files, files)
        assert len(file_list) == len(files)


def test_a_value_is_held_if_it_was_added() -> None:
    names = [name_file(make_file(number)) for number in range(5000)]
    numbers = Numbers(names[::2])
    assert numbers.hold(names).tolist() == [number % 2 == 0 for number in range(5000)]
    numbers.add(names[1::2])
    assert numbers.hold(names).all()
    assert not Numbers().hold(names).any()
    assert numbers.hold([]).tolist() == []


def test_many_files_take_little_memory() -> None:
    tracemalloc.start()
    try:
        with FileList() as file_list:
            names = Numbers()
            for part in cut(make_file(number) for number in range(50_000)):
                file_list.add(part)
                names.add(map(name_file, part))
            assert sum(names.hold([*map(name_file, part)]).sum() for part in file_list.read_parts())
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 50 * 50_000  # 670 before, when each file was an entry of a dictionary
