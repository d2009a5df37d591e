"""Asks several servers the same questions, a few tens in flight at each."""
import socket
import struct
import time

import wire

UDP_IN_FLIGHT = 48
TCP_IN_FLIGHT = 32
TRIES = 3
REPLY_TIMEOUT_S = 1.0
TCP_READ_OCTETS = 1 << 18


class UdpClient:
    """A connected socket; replies are told apart by the ID, which is the place in the batch."""

    def __init__(self, server):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.connect((server.host, server.port))
        self.round = 0

    def send(self, packets):
        self.round = (self.round + 1) % 256
        self.pending = {self.round << 8 | n: n for n in range(len(packets))}
        for ident, number in self.pending.items():
            self.socket.send(struct.pack("!H", ident) + packets[number][2:])

    def receive(self, out):
        """Fill @out[number]; what does not come in time stays as it was."""
        end = time.monotonic() + REPLY_TIMEOUT_S
        while self.pending:
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                reply = self.socket.recv(65535)
            except TimeoutError:
                return
            number = self.pending.pop(struct.unpack_from("!H", reply)[0], None)
            if number is not None:
                out[number] = reply

    def close(self):
        self.socket.close()


class TcpClient:
    """One connection, questions one after the other without waiting; opened again when it is closed
    by the server."""

    def __init__(self, server):
        self.address = (server.host, server.port)
        self.socket = None

    def send(self, packets):
        self.pending = dict(enumerate(packets))
        data = b"".join(struct.pack("!HH", len(packet), n) + packet[2:]
                        for n, packet in self.pending.items())
        for _ in range(2):
            try:
                if self.socket is None:
                    self.socket = socket.create_connection(self.address, REPLY_TIMEOUT_S)
                    self.data = b""
                self.socket.sendall(data)
                return
            except OSError:
                self.close()

    def receive(self, out):
        try:
            while self.pending and self.socket:
                chunk = self.socket.recv(TCP_READ_OCTETS)
                if not chunk:
                    self.close()
                    return
                self.data += chunk
                self._take(out)
        except OSError:
            self.close()

    def _take(self, out):
        at = 0
        while len(self.data) - at >= 2:
            size = struct.unpack_from("!H", self.data, at)[0]
            if len(self.data) - at < 2 + size:
                break
            reply = self.data[at + 2:at + 2 + size]
            at += 2 + size
            number = struct.unpack_from("!H", reply)[0] if size >= 2 else None
            if self.pending.pop(number, None) is not None:
                out[number] = reply
        self.data = self.data[at:]

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None


def _ask_batch(clients, packets):
    """For each client its replies; None where there was none after all tries."""
    replies = [[None] * len(packets) for _ in clients]
    for _ in range(TRIES):
        missing = [[n for n, reply in enumerate(of_one) if reply is None] for of_one in replies]
        if not any(missing):
            break
        for client, numbers in zip(clients, missing):
            client.send([packets[n] for n in numbers])
        for client, numbers, of_one in zip(clients, missing, replies):
            got = [None] * len(numbers)
            client.receive(got)
            for number, reply in zip(numbers, got):
                of_one[number] = reply
    return replies


def ask(servers, queries, is_tcp):
    """(replies, stalls): one tuple of raw replies a query, in the order of @servers, and the names
    of the servers that hung, each with the batch of questions that it hung on. Such a server is
    started again, and its batch goes without replies (None) from all."""
    clients = [(TcpClient if is_tcp else UdpClient)(server) for server in servers]
    in_flight = TCP_IN_FLIGHT if is_tcp else UDP_IN_FLIGHT
    out, stalls = [], []
    try:
        for first in range(0, len(queries), in_flight):
            batch = queries[first:first + in_flight]
            replies = _ask_batch(clients, [wire.query_packet(query) for query in batch])
            hung = [server for server, of_one in zip(servers, replies) if None in of_one]
            for server in hung:
                stalls.append((server.name, batch))
                server.restart()
            out += [None] * len(batch) if hung else zip(*replies)
    finally:
        for client in clients:
            client.close()
    return out, stalls
