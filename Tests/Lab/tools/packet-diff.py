"""Shows one packet before and after the server's rewriting, with the changed bytes marked.

    packet-diff.py BEFORE AFTER     two outputs of capture.py

Exits with 0 when the addresses changed, the payload did not and every checksum holds; says what is wrong otherwise.
"""

import ipaddress
import sys


def captured(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("packet "):
                return bytes.fromhex(line.split()[1])
    sys.exit(f"no packet was captured in {path}")


def total(data):
    """The one's complement sum of RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    value = sum(int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2))
    while value >> 16:
        value = (value & 0xFFFF) + (value >> 16)
    return value


class Packet:
    def __init__(self, data):
        self.data = data
        if data[0] >> 4 == 4:
            self.header, self.source, self.destination = 20, slice(12, 16), slice(16, 20)
            self.fields = {10: "header checksum", 12: "source address", 16: "destination address", 20: "ports"}
        else:
            self.header, self.source, self.destination = 40, slice(8, 24), slice(24, 40)
            self.fields = {8: "source address", 24: "destination address", 40: "ports"}
        self.fields |= {self.header + 4: "UDP length", self.header + 6: "UDP checksum", self.header + 8: "payload"}
        self.payload = data[self.header + 8 :]

    def field(self, position):
        return self.fields.get(max((start for start in self.fields if start <= position), default=-1), "IP header")

    def describe(self):
        def address(part):
            return ipaddress.ip_address(self.data[part])

        return f"{address(self.source)} -> {address(self.destination)}"

    def complaint(self):
        """What is wrong with the checksums, or None. One that the sender left to its device holds the pseudo-header."""
        if self.header == 20 and total(self.data[:20]) != 0xFFFF:
            return "the IPv4 header checksum is wrong"
        udp = self.data[self.header :]
        pseudo = self.data[self.source] + self.data[self.destination] + len(udp).to_bytes(4, "big") + b"\0\0\0\x11"
        stored = int.from_bytes(udp[6:8], "big")
        if total(pseudo + udp) != 0xFFFF and stored != total(pseudo) and not (stored == 0 and self.header == 20):
            return "the UDP checksum is wrong"
        return None


def rows(before, after):
    for start in range(0, max(len(before), len(after)), 16):
        old, new = before[start : start + 16], after[start : start + 16]
        marks = [a != b for a, b in zip(old, new)]

        def text(row):
            return " ".join(f"{byte:02x}" for byte in row)

        yield f"{start:04x}  {'before' if any(marks) else 'both  '}  {text(old)}"
        if any(marks):
            yield f"      after   {text(new)}"
            yield "              " + " ".join("^^" if mark else "  " for mark in marks).rstrip()


def main():
    before, after = (Packet(captured(path)) for path in sys.argv[1:3])
    print(f"client's tun   {before.describe()}")
    print(f"server's tun   {after.describe()}")
    for row in rows(before.data, after.data):
        print(row)
    changed = [i for i in range(min(len(before.data), len(after.data))) if before.data[i] != after.data[i]]
    print("changed: " + (", ".join(dict.fromkeys(before.field(i) for i in changed)) or "nothing"))
    problems = [f"{where}: {packet.complaint()}" for where, packet in (("before", before), ("after", after))
                if packet.complaint()]
    if before.payload != after.payload:
        problems.append("the payload was changed")
    if before.data[before.source] == after.data[after.source]:
        problems.append("the source address was not rewritten")
    if before.data[before.destination] != after.data[after.destination]:
        problems.append("the destination address was changed")
    for problem in problems:
        print("wrong: " + problem)
    sys.exit(1 if problems else 0)


main()
