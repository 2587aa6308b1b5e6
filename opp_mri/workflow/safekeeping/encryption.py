"""One file that only a passphrase opens: AES-256-GCM in pieces, with a key that scrypt derives.

A file is a header (mark, cost of scrypt, salt, nonce) and pieces of 1 MiB, each with its number and
whether it is the last in its nonce, and with the header as associated data (the STREAM construction
of Hoang, Reyhanitabar, Rogaway and Vizár 2015): no piece can be changed, moved, repeated or left
out unnoticed. There is no way back without the passphrase.
"""

import io
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path
from struct import Struct
from typing import Any, BinaryIO, Final
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from attrs import frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from opp_mri.errors import InputError
from opp_mri.files import write_whole

MARK: Final = b"opp_mri encrypted 1\n"
SHORTEST_PASSPHRASE: Final = 12  # characters
SCRYPT_COST: Final = 17  # 2 ** 17 rounds of 1 KiB: 128 MiB and some tenths of a second
MOST_SCRYPT_COST: Final = 20  # what a file of others may ask of this machine: 1 GiB
BLOCK_SIZE: Final = 8
PIECE: Final = 1 << 20
TAG: Final = 16
_HEADER: Final = Struct(f">{len(MARK)}sB16s7s")
_COUNTER: Final = Struct(">IB")
ARCHIVE_DAMAGE: Final = (EOFError, RuntimeError, BadZipFile, LZMAError, zlib.error)
"""What zipfile raises; RuntimeError where a member is encrypted or needs a later format."""
WRONG: Final = "The passphrase is wrong, or the file was altered or is incomplete."


def check_passphrase(passphrase: str) -> None:
    """Refuse a passphrase that can be guessed.

    Raises
    ------
    InputError
        It is too short.
    """
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise InputError(
            f"The passphrase is too short: give {SHORTEST_PASSPHRASE} characters or more, such as "
            "five words drawn at random."
        )


def is_encrypted(path: Path) -> bool:
    """Return whether a file is one of these."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(MARK)) == MARK
    except OSError:
        return False


@frozen
class _Cipher:
    """The cipher of one file.

    Parameters
    ----------
    header
        First bytes of the file: mark, cost, salt, nonce.
    """

    header: bytes
    nonce: bytes
    aes: AESGCM

    def build_nonce(self, number: int, *, is_last: bool) -> bytes:
        """Return the nonce of a piece."""
        return self.nonce + _COUNTER.pack(number, is_last)


def _cipher(header: bytes, passphrase: str) -> _Cipher:
    _, cost, salt, nonce = _HEADER.unpack(header)
    key = Scrypt(salt=salt, length=32, n=1 << cost, r=BLOCK_SIZE, p=1).derive(passphrase.encode())
    return _Cipher(header, nonce, AESGCM(key))


class EncryptedWriter(io.RawIOBase):
    """A stream that encrypts what is written to it into another; closing it writes the last piece.

    Parameters
    ----------
    target
        Where the file goes; it stays open.
    """

    def __init__(self, target: BinaryIO, passphrase: str) -> None:
        check_passphrase(passphrase)
        self._target = target
        header = _HEADER.pack(MARK, SCRYPT_COST, os.urandom(16), os.urandom(7))
        self._cipher = _cipher(header, passphrase)
        self._waiting = bytearray()
        self._number = 0
        target.write(header)

    def writable(self) -> bool:
        """Report that it can be written to."""
        return True

    def write(self, content: Any, /) -> int:
        """Take bytes; gives how many."""
        block = bytes(content)
        self._waiting += block
        while len(self._waiting) > PIECE:  # one piece stays: it may be the last
            self._put(bytes(self._waiting[:PIECE]), is_last=False)
            del self._waiting[:PIECE]
        return len(block)

    def finish(self) -> None:
        """Write the last piece."""
        self._put(bytes(self._waiting), is_last=True)
        self._waiting.clear()

    def _put(self, piece: bytes, *, is_last: bool) -> None:
        nonce = self._cipher.build_nonce(self._number, is_last=is_last)
        self._target.write(self._cipher.aes.encrypt(nonce, piece, self._cipher.header))
        self._number += 1


def decrypt(path: Path, target: Path, passphrase: str) -> None:
    """Decrypt a file into another.

    Raises
    ------
    InputError
        The passphrase is wrong, or the file is not whole as it was made.
    """
    with path.open("rb") as source, target.open("xb") as plain:
        plain.writelines(decrypt_pieces(source, passphrase))


def decrypt_pieces(source: BinaryIO, passphrase: str) -> Iterator[bytes]:
    """Yield the content of an encrypted stream, piece by piece.

    Raises
    ------
    InputError
        The passphrase is wrong, or the stream is not whole as it was made.
    """
    header = source.read(_HEADER.size)
    if len(header) < _HEADER.size or not header.startswith(MARK):
        raise InputError("The file is not an encrypted file of opp_mri, or it is damaged.")
    if not SCRYPT_COST <= header[len(MARK)] <= MOST_SCRYPT_COST:
        raise InputError(WRONG)
    cipher = _cipher(header, passphrase)
    piece, number = source.read(PIECE + TAG), 0
    while True:
        next_piece = source.read(PIECE + TAG)
        nonce = cipher.build_nonce(number, is_last=not next_piece)
        try:
            content = cipher.aes.decrypt(nonce, piece, header)
        except (InvalidTag, ValueError) as error:
            raise InputError(WRONG) from error
        yield content
        if not next_piece:
            return
        piece, number = next_piece, number + 1


@contextmanager
def open_new_archive(
    path: Path, passphrase: str = "", method: int = ZIP_STORED
) -> Iterator[ZipFile]:
    """Open a new zip archive for writing, encrypted where there is a passphrase.

    It takes its place when all is written, whatever stops that; only its owner may read it.

    Parameters
    ----------
    path
        The archive; no file may be there.
    passphrase
        It is encrypted with this; "" for a plain archive.
    method
        Compression, a constant of `zipfile`.

    Raises
    ------
    InputError
        The file is there already.
    """
    if path.exists():
        raise InputError(f"{path} exists already: name a new file.")
    with write_whole(path) as partial:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - it is open already
            if passphrase:
                writer = EncryptedWriter(file, passphrase)
                with ZipFile(writer, "w", method, strict_timestamps=False) as archive:
                    yield archive
                writer.finish()
            else:
                with ZipFile(file, "w", method, strict_timestamps=False) as archive:
                    yield archive
            file.flush()
            os.fsync(file.fileno())


def unpack(archive_path: Path, folder: Path) -> None:
    """Unpack a zip archive that this program wrote into a new folder.

    Raises
    ------
    InputError
        It is damaged, larger than the room there is, or names files outside of the folder.
    """
    try:
        with ZipFile(archive_path) as archive:
            needed_bytes = sum(member.file_size for member in archive.infolist())
            if needed_bytes > shutil.disk_usage(folder).free:
                raise InputError(
                    f"The archive needs {needed_bytes >> 20} MiB, which are not free in "
                    f"{folder.parent}: make room, or ask for another."
                )
            for name in archive.namelist():
                if not (folder / name).resolve().is_relative_to(folder.resolve()):
                    raise InputError("The archive names files outside its folder: ask for another.")
            archive.extractall(folder)
    except (OSError, *ARCHIVE_DAMAGE) as error:
        raise InputError("The archive is damaged: ask for another.") from error
