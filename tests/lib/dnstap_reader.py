"""A dnstap reader: takes a Frame Streams connection at a Unix socket and decodes what comes. What it
decodes by is written down here once more, so that it is no mirror of the server's own code.
"""
import contextlib
import os
import socket
import struct
import threading

CONTENT_TYPE = b"protobuf:dnstap.Dnstap"
ACCEPT, START, STOP, READY, FINISH = 1, 2, 3, 4, 5
AUTH_QUERY, AUTH_RESPONSE = 1, 2
UDP, TCP = 1, 2
ENVELOPE = {1: "identity", 2: "version", 3: "extra", 14: "message", 15: "type"}
MESSAGE = {1: "type", 2: "family", 3: "protocol", 4: "query_address", 5: "response_address",
           6: "query_port", 7: "response_port", 8: "query_sec", 9: "query_nsec", 10: "query",
           12: "response_sec", 13: "response_nsec", 14: "response"}


def varint(octets, at):
    value = shift = 0
    while True:
        value |= (octets[at] & 0x7f) << shift
        shift += 7
        at += 1
        if octets[at - 1] < 0x80:
            return value, at


def fields(octets, names):
    """A protobuf message as {name: number or octets}; each field once, and none that is not named."""
    found, at = {}, 0
    while at < len(octets):
        tag, at = varint(octets, at)
        kind, name = tag & 7, names[tag >> 3]
        assert name not in found, name
        if kind == 0:
            found[name], at = varint(octets, at)
        elif kind == 5:
            found[name], at = struct.unpack_from("<I", octets, at)[0], at + 4
        else:
            assert kind == 2, kind
            size, at = varint(octets, at)
            found[name], at = octets[at:at + size], at + size
            assert len(found[name]) == size
    return found


def decode(frame):
    """All fields of a data frame; those of its message have its names."""
    envelope = fields(frame, ENVELOPE)
    assert envelope.pop("type") == 1
    return {**envelope, **fields(envelope.pop("message"), MESSAGE)}


class Reader:
    """Listens at @path; a context manager. `frames` are decoded, in the order in which they came."""

    def __init__(self, path):
        self.path = path
        self.frames = []
        self.ends = 0  # streams that were ended as they should be
        self.connections = 0
        self.is_reading = threading.Event()  # clear it, and nothing more is read
        self.is_reading.set()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(4)
        self.connection = None
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        """As if the process had ended: the socket's file stays."""
        self.is_reading.set()
        for one in (self.listener, self.connection):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self.thread.join(20)
        assert not self.thread.is_alive()

    def leave(self):
        """kill(), and remove the file."""
        self.kill()
        os.unlink(self.path)

    def _accept(self):
        while True:
            try:
                self.connection = self.listener.accept()[0]
            except OSError:
                return
            with contextlib.suppress(OSError, EOFError):
                self._read()
            self.connection.close()

    def _take(self, size):
        octets = b""
        while len(octets) < size:
            self.is_reading.wait()
            more = self.connection.recv(size - len(octets))
            if not more:
                raise EOFError
            octets += more
        return octets

    def _number(self):
        return struct.unpack(">I", self._take(4))[0]

    def _control(self):
        """The type and the content type of a control frame, behind its escape."""
        frame = self._take(self._number())
        kind, rest = struct.unpack(">I", frame[:4])[0], frame[4:]
        if not rest:
            return kind, None
        field, size = struct.unpack(">II", rest[:8])
        assert field == 1 and len(rest) == 8 + size, rest
        return kind, rest[8:]

    def _give(self, kind, content_type=b""):
        field = struct.pack(">II", 1, len(content_type)) + content_type if content_type else b""
        self.connection.sendall(struct.pack(">III", 0, 4 + len(field), kind) + field)

    def _read(self):
        assert self._number() == 0 and self._control() == (READY, CONTENT_TYPE)
        self._give(ACCEPT, CONTENT_TYPE)
        assert self._number() == 0 and self._control() == (START, CONTENT_TYPE)
        self.connections += 1
        while True:
            size = self._number()
            if size == 0:
                break
            self.frames.append(decode(self._take(size)))
        assert self._control() == (STOP, None)
        self._give(FINISH)
        self.ends += 1
