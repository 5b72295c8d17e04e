"""Links that a test cuts, delays, stops and heals: from a Unix socket or a port on loopback to another one.

  links = Links()                                   one thread for all of them
  link = links.join("node-1 to a", listen, target)  whoever connects to `listen` talks with who listens at `target`
  link = links.join("to witness-1", 0, None)        link.port is a free one; link.target once it is known
  link.cut(); link.delay(0.2); link.stall(); link.heal()

A socket is a path, a port a number to listen at and "HOST:PORT" to connect to.

usage: links.py PORT SOCKET [PORT SOCKET]…
In a network namespace that has nothing yet: makes its loopback work, joins each port there with a socket outside, prints a
line once they listen, and goes on until it is killed.
"""

import asyncio
import fcntl
import os
import pathlib
import signal
import socket
import struct
import sys
import threading


class Link:
    def __init__(self, links, name, listen, target):
        self.links, self.name, self.listen, self.target = links, name, listen, target
        self.port = None
        self.is_cut, self.delay_s, self.writers = False, 0.0, set()
        self.flows = asyncio.Event()
        self.flows.set()

    # ---- from the test's threads

    def cut(self):
        """Who is connected loses the connection, and nobody gets a new one."""
        self.links.do(self.change, True, 0.0, True)

    def stall(self):
        """Nothing that is sent arrives, and nobody is told."""
        self.links.do(self.change, False, 0.0, False)

    def delay(self, seconds):
        self.links.do(self.change, False, seconds, True)

    def heal(self):
        """What was held back arrives now."""
        self.links.do(self.change, False, 0.0, True)

    # ---- in the thread of the links

    def change(self, is_cut, delay_s, flows):
        self.is_cut, self.delay_s = is_cut, delay_s
        if is_cut:
            for writer in list(self.writers):
                writer.transport.abort()
        if flows:
            self.flows.set()
        else:
            self.flows.clear()

    async def serve(self):
        if isinstance(self.listen, int):
            self.server = await asyncio.start_server(self.connect, "127.0.0.1", self.listen)
            self.port = self.server.sockets[0].getsockname()[1]
            return
        self.listen.unlink(missing_ok=True)
        self.server = await asyncio.start_unix_server(self.connect, self.listen)
        os.chmod(self.listen, 0o777)

    async def connect(self, reader, writer):
        try:
            await self.flows.wait()
            if self.is_cut:
                raise ConnectionError
            if self.target is None:
                raise ConnectionError
            if isinstance(self.target, pathlib.Path):
                far_reader, far_writer = await asyncio.open_unix_connection(self.target)
            else:
                host, _, port = self.target.rpartition(":")
                far_reader, far_writer = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self.writers |= ends
        await asyncio.gather(self.pass_on(reader, far_writer), self.pass_on(far_reader, writer))
        self.writers -= ends

    async def pass_on(self, reader, writer):
        try:
            while data := await reader.read(1 << 16):
                await asyncio.sleep(self.delay_s)
                await self.flows.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


class Links:
    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def do(self, function, *arguments):
        async def call():
            return function(*arguments)
        return asyncio.run_coroutine_threadsafe(call(), self.loop).result()

    def join(self, name, listen, target):
        link = self.do(Link, self, name, listen, target)
        asyncio.run_coroutine_threadsafe(link.serve(), self.loop).result()
        return link


def bring_up_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up = struct.pack("16sh14x", b"lo", 0x1)  # IFF_UP
        fcntl.ioctl(any_socket, 0x8914, up)      # SIOCSIFFLAGS


def main():
    bring_up_loopback()
    links, words = Links(), sys.argv[1:]
    for port, path in zip(words[::2], words[1::2]):
        links.join(port, int(port), pathlib.Path(path))
    print("listening", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
