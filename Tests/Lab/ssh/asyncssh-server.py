"""An SSH server written with asyncssh that serves layer 3 tunnels, as `sshd` does with `PermitTunnel`: the device is
the library's own, and the addresses are somebody else's business.

    asyncssh-server.py HOST PORT HOST_KEY AUTHORIZED_KEYS
"""

import asyncio
import sys

import asyncssh


class Server(asyncssh.SSHServer):
    def tun_requested(self, unit):
        print(f"tun requested, unit {unit}", flush=True)
        return True


async def main(host, port, host_key, authorized_keys):
    await asyncssh.listen(
        host, int(port), server_factory=Server, server_host_keys=[host_key], authorized_client_keys=authorized_keys
    )
    print("listening", flush=True)
    await asyncio.get_running_loop().create_future()


if len(sys.argv) != 5:
    sys.exit(__doc__)
asyncio.run(main(*sys.argv[1:]))
