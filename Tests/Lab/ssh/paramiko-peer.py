"""A client of packet-tunneld written with paramiko: opens channels right and wrong, and sends packets through them.

    paramiko-peer.py HOST PORT USER KEYFILE STEP...

One connection; each step prints one line. A step is one argument, its words separated by blanks:

    early TYPE [HEX]         open a channel before anybody has logged in
    login                    log in
    open TYPE [HEX]          open a channel with that payload: "open", "refused CODE TEXT" or "disconnected CODE TEXT"
    brief TYPE [HEX]         the same, for a channel that the server is to end: "ended at once" when it does
    many COUNT TYPE [HEX]    that many opens, one after the other: how often what came of them
    close                    close the last channel
    ended NUMBER             whether the server has closed that channel (the first is 0), now or soon
    exec COMMAND             what the server answers to a command, without line ends
    query SERVER SOURCE NAME ask a name server through the last channel: an address, or the response code
    packets COUNT SERVER SOURCE NAME   the same in a row; says how many were answered within a second
    wait                     print "waiting" and wait until standard input ends
"""

import collections
import socket
import struct
import sys
import time

import paramiko

import packets

FAMILIES = {4: 2, 6: 24}


class Transport(paramiko.Transport):
    """open_channel() has no argument for the payload of a type that the library does not know."""

    payload = b""
    disconnection = None

    def _send_user_message(self, data):
        if data.asbytes()[0] == 90:  # SSH_MSG_CHANNEL_OPEN, RFC 4254 section 5.1
            data.packet.write(self.payload)
        super()._send_user_message(data)

    def _parse_disconnect(self, message):
        self.disconnection = f"disconnected {message.get_int()} {message.get_text()}"


class Peer:
    def __init__(self, host, port, user, key_file):
        self.user = user
        self.key = paramiko.Ed25519Key.from_private_key_file(key_file)
        self.transport = Transport(socket.create_connection((host, int(port)), timeout=10))
        self.transport.start_client(timeout=10)
        self.channels = []
        self.pending = b""

    def login(self):
        try:
            self.transport.auth_publickey(self.user, self.key)
            return "logged in"
        except paramiko.AuthenticationException:
            return "denied"
        except (paramiko.SSHException, EOFError) as error:
            return f"not logged in: {error}"

    def open(self, type_, payload="", timeout=10):
        self.transport.payload = bytes.fromhex(payload)
        self.pending = b""
        # The one type of these tests that the library knows has its payload from here.
        ends = (("127.0.0.1", 22), ("127.0.0.1", 1024)) if type_ == "direct-tcpip" else (None, None)
        try:
            channel = self.transport.open_channel(type_, *ends, timeout=timeout)
        except paramiko.ChannelException as refusal:
            return f"refused {refusal.code} {refusal.text}"
        except (paramiko.SSHException, EOFError, OSError) as error:
            return self.transport.disconnection or f"no answer: {error}"
        finally:
            self.transport.payload = b""
        channel.type = type_
        channel.settimeout(3)
        self.channels.append(channel)
        return "open"

    def early(self, type_, payload=""):
        return self.open(type_, payload, timeout=3)

    def brief(self, type_, payload=""):
        said = self.open(type_, payload)
        if said == "open":
            return "ended at once" if self.ended(-1) == "ended" else said
        # The library forgets a channel that has ended before it looked.
        return "ended at once" if said.startswith("no answer") and self.transport.is_active() else said

    def many(self, count, type_, payload=""):
        results = collections.Counter(self.open(type_, payload) for _ in range(int(count)))
        return "; ".join(f"{number} {result}" for result, number in sorted(results.items()))

    def close(self):
        self.channels[-1].close()
        return "closed"

    def ended(self, number):
        channel = self.channels[int(number)]
        until = time.monotonic() + 5
        while not channel.closed and not channel.eof_received and time.monotonic() < until:
            time.sleep(0.02)
        return "ended" if channel.closed or channel.eof_received else "open"

    def exec(self, command):
        channel = self.transport.open_session(timeout=10)
        channel.settimeout(10)
        channel.exec_command(command)
        output = b""
        while data := channel.recv(65536):
            output += data
        channel.close()
        return output.decode().replace("\n", " ")

    def send(self, packet):
        if self.channels[-1].type == "tun@openssh.com":
            head = struct.pack(">I", FAMILIES[packet[0] >> 4])
        else:
            head = struct.pack(">H", len(packet))
        self.channels[-1].sendall(head + packet)

    def receive(self):
        """The next packet. Both framings give its length away: the one in the frame, the other in the packet."""
        head = 4 if self.channels[-1].type == "tun@openssh.com" else 2
        while True:
            if len(self.pending) > head + 40:
                end = head + self.packet_length(head)
                if len(self.pending) >= end:
                    packet, self.pending = self.pending[head:end], self.pending[end:]
                    return packet
            data = self.channels[-1].recv(65536)
            if not data:
                raise EOFError
            self.pending += data

    def packet_length(self, head):
        packet = self.pending[head:]
        length = struct.unpack(">H", packet[2:4] if packet[0] >> 4 == 4 else packet[4:6])[0]
        length += 0 if packet[0] >> 4 == 4 else 40
        if head == 2 and length != struct.unpack(">H", self.pending[:2])[0]:
            raise ValueError("the frame and its packet differ in length")
        if head == 4 and struct.unpack(">I", self.pending[:4])[0] != FAMILIES[packet[0] >> 4]:
            raise ValueError("the address family and the packet differ")
        return length

    def query(self, server, source, name):
        try:
            self.send(packets.query(source, server, name))
            while True:
                packet = self.receive()
                if packets.is_answer(packet, source, server):
                    return packets.read_answer(packet)
        except (socket.timeout, EOFError, OSError, ValueError) as error:
            return f"no answer: {type(error).__name__} {error}"

    def packets(self, count, server, source, name):
        for number in range(int(count)):
            self.send(packets.query(source, server, name, number))
        answered = 0
        self.channels[-1].settimeout(1)
        try:
            while answered < int(count):
                answered += packets.is_answer(self.receive(), source, server)
        except (socket.timeout, EOFError):
            pass
        self.channels[-1].settimeout(3)
        return f"{answered} answered"

    def wait(self):
        print("waiting", flush=True)
        sys.stdin.read()
        return "waited"


def main():
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    peer = Peer(*sys.argv[1:5])
    for step in sys.argv[5:]:
        verb, *words = step.split()
        print(getattr(peer, verb)(*words), flush=True)
    peer.transport.close()


main()
