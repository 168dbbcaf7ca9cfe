"""The rows of MySQL's wire as they come: a cell longer than anybody looks at is counted and thrown away unread.

PyMySQL reads a whole row into memory before anybody can say that its cells are too large; a row may have a gigabyte.
The packets are those of https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from pymysql import err

_WHOLE_PACKET = 2**24 - 1
_READ_WHOLE_BYTES = 2**20
_KEPT_OF_A_CELL = 2**17
"""More bytes than CELL_CHARACTERS letters can have."""
_NULL, _END, _ERROR = 0xFB, 0xFE, 0xFF
_WIDTHS = {0xFC: 2, 0xFD: 3, 0xFE: 8}
_SKIPPED_AT_ONCE = 2**20


class LongCell(bytes):
    """The beginning of a cell. size_bytes: all that it has."""

    size_bytes: int = 0


class PacketStream:
    """What follows the columns of an unbuffered result, on a connection of PyMySQL whose internals are used."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - PyMySQL has no types
        self._connection = connection
        self._left = 0
        self._is_last = True
        self.read_bytes = 0

    def rows(self, columns: int) -> Iterator[list[bytes | None]]:
        """Ends with the result. Raises what PyMySQL raises."""
        while True:
            length = self._begin_packet()
            if length <= _READ_WHOLE_BYTES:
                packet = self._take(length)
                if packet[0] == _ERROR:
                    err.raise_mysql_exception(packet)
                if packet[0] == _END and length < 9:
                    self._connection.server_status = struct.unpack_from("<H", packet, 3)[0]
                    return
                yield _cells(packet, columns)
                continue
            yield [self._next_cell() for _ in range(columns)]
            if not self._is_last:  # a row that ends with its packet is followed by an empty one
                self._begin_packet()

    def _next_cell(self) -> bytes | None:
        mark = self._take(1)[0]
        if mark == _NULL:
            return None
        size = mark if mark < _NULL else int.from_bytes(self._take(_WIDTHS[mark]), "little")
        kept = self._take(min(size, _KEPT_OF_A_CELL))
        left = size - len(kept)
        while left:
            left -= len(self._take(min(left, _SKIPPED_AT_ONCE)))
        cell = LongCell(kept)
        cell.size_bytes = size
        return cell

    def _take(self, wanted: int) -> bytes:
        """So many bytes of the row; it goes on in the next packet where one is not enough."""
        if wanted <= self._left:
            self._left -= wanted
            return self._read(wanted)
        parts = []
        while wanted:
            if not self._left:
                if self._is_last:
                    raise err.OperationalError(2027, "Malformed packet")
                self._begin_packet()
                continue
            size = min(wanted, self._left)
            parts.append(self._read(size))
            self._left -= size
            wanted -= size
        return b"".join(parts)

    def _begin_packet(self) -> int:
        low, high, number = struct.unpack("<HBB", self._read(4))
        if number != self._connection._next_seq_id:
            raise err.OperationalError(2013, "Lost connection to MySQL server during query")
        self._connection._next_seq_id = (number + 1) % 256
        self._left = low + (high << 16)
        self._is_last = self._left < _WHOLE_PACKET
        return self._left

    def _read(self, size: int) -> bytes:
        data: bytes = self._connection._read_bytes(size)
        self.read_bytes += size
        return data


def _cells(packet: bytes, columns: int) -> list[bytes | None]:
    cells: list[bytes | None] = []
    at = 0
    for _ in range(columns):
        mark = packet[at]
        at += 1
        if mark == _NULL:
            cells.append(None)
            continue
        if mark > _NULL:
            width = _WIDTHS[mark]
            mark = int.from_bytes(packet[at : at + width], "little")
            at += width
        cells.append(packet[at : at + mark])
        at += mark
    return cells
