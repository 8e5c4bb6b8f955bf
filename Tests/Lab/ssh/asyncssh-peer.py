"""A client of packet-tunneld written with asyncssh.

    asyncssh-peer.py HOST PORT USER KEYFILE KNOWN_HOSTS STEP...

One connection; each step prints one line. A step is one argument, its words separated by blanks:

    open TYPE                open a channel: tun@openssh.com by open_tun(), tun@psiphon.ca by a channel class of our own
    query SERVER SOURCE NAME ask a name server through the channel: an address, or the response code
    packets COUNT SERVER SOURCE NAME   the same in a row; says how many were answered within a second
    forward UNIT             let the library make a tun device out of a channel, and wait to be ended

The variable GREETING has the version that it claims to be, its own by default.
"""

import asyncio
import os
import struct
import sys

import asyncssh
from asyncssh.channel import SSHForwardChannel

import packets


class Session(asyncssh.SSHTCPSession):
    def __init__(self, received):
        self.data_received = lambda data, datatype: received.put_nowait(data)


class PsiphonTunnel:
    """Packets behind their length, split and joined as the channel likes."""

    async def open(self, connection):
        self.received = asyncio.Queue()
        self.pending = b""
        self.channel = SSHForwardChannel(connection, asyncio.get_running_loop(), None, "strict", 1 << 21, 32768)
        await self.channel._open_forward(lambda: Session(self.received), b"tun@psiphon.ca")

    def send(self, packet):
        self.channel.write(struct.pack(">H", len(packet)) + packet)

    async def receive(self):
        while True:
            if len(self.pending) >= 2:
                end = 2 + struct.unpack(">H", self.pending[:2])[0]
                if len(self.pending) >= end:
                    packet, self.pending = self.pending[2:end], self.pending[end:]
                    return packet
            self.pending += await self.received.get()


class OpenSSHTunnel:
    """The library's own: each packet is one message."""

    async def open(self, connection):
        self.received = asyncio.Queue()
        self.channel, _ = await connection.create_tun(lambda: Session(self.received))

    def send(self, packet):
        self.channel.write(packet)

    async def receive(self):
        return await self.received.get()


async def answers(tunnel, server, source):
    while True:
        packet = await tunnel.receive()
        if packets.is_answer(packet, source, server):
            yield packet


async def ask(tunnel, server, source, name):
    tunnel.send(packets.query(source, server, name))
    async for packet in answers(tunnel, server, source):
        return packets.read_answer(packet)


async def ask_often(tunnel, count, server, source, name):
    for number in range(count):
        tunnel.send(packets.query(source, server, name, number))
    answered = 0
    try:
        async with asyncio.timeout(3) as patience:
            async for _ in answers(tunnel, server, source):
                answered += 1
                if answered == count:
                    break
                patience.reschedule(asyncio.get_running_loop().time() + 1)
    except TimeoutError:
        pass
    return f"{answered} answered"


async def take(step, connection, tunnel):
    match step.split():
        case ["open", kind]:
            tunnel = PsiphonTunnel() if kind == "tun@psiphon.ca" else OpenSSHTunnel()
            try:
                await tunnel.open(connection)
                print("open", flush=True)
            except asyncssh.ChannelOpenError as refusal:
                print(f"refused {refusal.code} {refusal.reason}", flush=True)
        case ["query", *words]:
            try:
                print(await asyncio.wait_for(ask(tunnel, *words), 3), flush=True)
            except TimeoutError:
                print("no answer", flush=True)
        case ["packets", count, *words]:
            print(await ask_often(tunnel, int(count), *words), flush=True)
        case ["forward", unit]:
            async with await connection.forward_tun(int(unit), None):
                print("forwarding", flush=True)
                await connection.wait_closed()
        case _:
            sys.exit(__doc__)
    return tunnel


async def main(host, port, user, key_file, known_hosts, *steps):
    greeting = os.environ.get("GREETING", ())
    async with asyncssh.connect(
        host,
        int(port),
        username=user,
        client_keys=[key_file],
        known_hosts=known_hosts,
        config=None,
        agent_path=None,
        client_version=greeting,
    ) as connection:
        tunnel = None
        for step in steps:
            tunnel = await take(step, connection, tunnel)


if len(sys.argv) < 7:
    sys.exit(__doc__)
asyncio.run(main(*sys.argv[1:]))
