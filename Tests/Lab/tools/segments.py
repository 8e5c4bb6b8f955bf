"""UDP that asks the kernel to cut one send into many datagrams (UDP_SEGMENT, Linux 4.18).

    segments.py serve ADDRESS PORT        says "listening", and answers each datagram with itself
    segments.py ask ADDRESS PORT COUNT    sends COUNT datagrams of 1200 bytes in one call, prints how many come back whole
"""
import socket
import sys

SOL_UDP, UDP_SEGMENT, SIZE = 17, 103, 1200


def open_socket(address):
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)


def serve(address, port):
    server = open_socket(address)
    server.bind((address, port))
    print("listening", flush=True)
    while True:
        datagram, peer = server.recvfrom(65536)
        server.sendto(datagram, peer)


def ask(address, port, count):
    client = open_socket(address)
    client.connect((address, port))
    client.settimeout(5)
    client.setsockopt(SOL_UDP, UDP_SEGMENT, SIZE)
    sent = {bytes([number]) * SIZE for number in range(count)}
    client.send(b"".join(sorted(sent)))
    seen = set()
    try:
        while seen != sent:
            seen.add(client.recv(65536))
    except TimeoutError:
        pass
    print(len(seen & sent))


if sys.argv[1] == "serve":
    serve(sys.argv[2], int(sys.argv[3]))
else:
    ask(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
