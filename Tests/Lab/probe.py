"""Small peers that say one thing about a path each, where the usual programs say too much or are not installed.

    probe.py serve PORT,PORT... ADDRESS...  echoes TCP and UDP on these ports of these addresses
    probe.py tcp|udp ADDRESS PORT           succeeds if an echo comes back
    probe.py ping ADDRESS                   succeeds if one of a few echo requests is answered
    probe.py error ADDRESS PORT HOPS        sends UDP with so many hops to live; prints the ICMP error that comes back
                                            PROBE_WAIT is how many seconds tcp and udp wait (5)
    probe.py blast ADDRESS PORT             waits for one datagram, and answers it with 200 a second from then on
    probe.py poke ADDRESS PORT              sends one datagram to `blast` and prints a line when an answer comes

    probe.py stream ADDRESS PORT up|down    the far end of a paced stream; prints its hash, and the pauses of `up`
    probe.py pull|push ADDRESS PORT         the near end; goes on until the file STREAM_END exists, then as above

A stream is 2 MB/s of random bytes. The receiver prints "begun" at the first, and "pause START SECONDS" for each
silence of 10 ms or more, START in seconds of the clock; both ends print "sha256 BYTES DIGEST" at its end.
"""

import hashlib
import os
import selectors
import socket
import struct
import sys
import time

WAIT = float(os.environ.get("PROBE_WAIT", "5"))
PIECE, PERIOD = 8192, 0.004


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def bound(kind, address, port):
    peer = socket.socket(family(address), kind)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    peer.bind((address, port))
    return peer


def serve(ports, addresses):
    events = selectors.DefaultSelector()
    for port in ports:
        for address in addresses:
            events.register(bound(socket.SOCK_DGRAM, address, port), selectors.EVENT_READ)
            listener = bound(socket.SOCK_STREAM, address, port)
            listener.listen(16)
            events.register(listener, selectors.EVENT_READ)
    print("listening", flush=True)
    while True:
        for key, _ in events.select():
            if key.fileobj.type == socket.SOCK_DGRAM:
                data, peer = key.fileobj.recvfrom(2048)
                key.fileobj.sendto(data, peer)
            else:
                peer, _ = key.fileobj.accept()
                peer.settimeout(WAIT)
                try:
                    peer.sendall(peer.recv(2048))
                except OSError:
                    pass
                peer.close()


def echoed(kind, address, port):
    with socket.socket(family(address), kind) as peer:
        # A refused packet gets no answer at all; a permitted one gets it at once, but the machine may be busy.
        peer.settimeout(WAIT)
        try:
            peer.connect((address, port))
            peer.send(b"probe")
            return peer.recv(2048) == b"probe"
        except OSError:
            return False


def total(data):
    """The one's complement sum of RFC 1071."""
    value = sum(struct.unpack(f">{len(data) // 2}H", data))
    while value >> 16:
        value = (value & 0xFFFF) + (value >> 16)
    return value


def answered(address):
    six = ":" in address
    request, reply = (128, 129) if six else (8, 0)
    protocol = socket.getprotobyname("ipv6-icmp") if six else socket.IPPROTO_ICMP
    with socket.socket(family(address), socket.SOCK_RAW, protocol) as peer:
        peer.settimeout(0.5)
        identifier = os.getpid() & 0xFFFF
        for number in range(3):
            message = struct.pack(">BBHHH", request, 0, 0, identifier, number) + b"abcdefgh"
            # The kernel fills in the checksum of ICMPv6 by itself (RFC 3542 §3.1).
            message = message[:2] + struct.pack(">H", 0xFFFF ^ total(message)) + message[4:]
            peer.sendto(message, (address, 0))
            try:
                while True:
                    data, (source, *_) = peer.recvfrom(2048)
                    data = data if six else data[(data[0] & 15) * 4 :]
                    if data[0] == reply and data[4:6] == message[4:6] and data[8:] == message[8:]:
                        return source == address
            except TimeoutError:
                pass
    return False


def error(address, port, hops):
    """"TYPE CODE OFFENDER" of the error (ip(7), IP_RECVERR)."""
    six = ":" in address
    with socket.socket(family(address), socket.SOCK_DGRAM) as peer:
        level, receive, limit = (41, 25, 16) if six else (0, 11, 2)
        peer.setsockopt(level, receive, 1)
        peer.setsockopt(level, limit, hops)
        peer.connect((address, port))
        for _ in range(3):
            peer.send(b"probe")
            end = time.monotonic() + 0.7
            while time.monotonic() < end:
                try:
                    _, ancillary, _, _ = peer.recvmsg(2048, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
                except BlockingIOError:
                    time.sleep(0.01)
                    continue
                for cmsg_level, cmsg_type, data in ancillary:
                    if (cmsg_level, cmsg_type) == (level, receive):
                        _, _, kind, code = struct.unpack_from("=IBBB", data)
                        offender = data[24:40] if six else data[20:24]
                        name = socket.inet_ntop(socket.AF_INET6 if six else socket.AF_INET, offender)
                        return f"{kind} {code} {name}"
    return "none"


def blast(address, port):
    peer = bound(socket.SOCK_DGRAM, address, port)
    print("listening", flush=True)
    _, caller = peer.recvfrom(2048)
    while True:
        try:
            peer.sendto(b"for the old owner", caller)
        except OSError:
            pass
        time.sleep(0.005)


def poke(address, port):
    with socket.socket(family(address), socket.SOCK_DGRAM) as peer:
        peer.sendto(b"begin", (address, port))
        peer.recv(2048)
        print("answered", flush=True)
        while peer.recv(2048):
            pass


def send(peer):
    digest, count, due = hashlib.sha256(), 0, time.monotonic()
    while not os.path.exists(os.environ["STREAM_END"]):
        piece = os.urandom(PIECE)
        peer.sendall(piece)
        digest.update(piece)
        count += PIECE
        due += PERIOD
        time.sleep(max(0, due - time.monotonic()))
    peer.shutdown(socket.SHUT_WR)
    peer.recv(1)
    print(f"sha256 {count} {digest.hexdigest()}", flush=True)


def receive(peer):
    digest, count, last = hashlib.sha256(), 0, time.time()
    while data := peer.recv(1 << 16):
        now = time.time()
        if count == 0:
            print("begun", flush=True)
        if now - last >= 0.01:
            print(f"pause {last:.3f} {now - last:.3f}", flush=True)
        last = now
        digest.update(data)
        count += len(data)
    print(f"sha256 {count} {digest.hexdigest()}", flush=True)


def stream(address, port, direction):
    listener = bound(socket.SOCK_STREAM, address, port)
    listener.listen(1)
    print("listening", flush=True)
    peer, _ = listener.accept()
    (receive if direction == "up" else send)(peer)


def main():
    match sys.argv[1:]:
        case ["serve", ports, *addresses]:
            serve([int(port) for port in ports.split(",")], addresses)
        case ["tcp", address, port]:
            sys.exit(not echoed(socket.SOCK_STREAM, address, int(port)))
        case ["udp", address, port]:
            sys.exit(not echoed(socket.SOCK_DGRAM, address, int(port)))
        case ["ping", address]:
            sys.exit(not answered(address))
        case ["error", address, port, hops]:
            print(error(address, int(port), int(hops)))
        case ["blast", address, port]:
            blast(address, int(port))
        case ["poke", address, port]:
            poke(address, int(port))
        case ["stream", address, port, ("up" | "down") as direction]:
            stream(address, int(port), direction)
        case [("pull" | "push") as direction, address, port]:
            with socket.create_connection((address, int(port)), timeout=30) as peer:
                peer.settimeout(None)
                (receive if direction == "pull" else send)(peer)
        case _:
            sys.exit(__doc__)


main()
