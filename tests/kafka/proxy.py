"""A proxy for tests, between Kafka clients and one broker on 127.0.0.1.

It can end TLS, ask for SASL in the broker's place, and fail on command. Responses are rewritten so that clients, which
are told the broker's own port, come back through the proxy. Commands on standard input, each answered with "ok":

    cut     close all connections and refuse new ones
    stall   keep connections open, take new ones, and forward nothing (a black hole)
    open    work again
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import os
import secrets
import ssl
import struct
import sys

SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 17, 18, 36
UNSUPPORTED_SASL_MECHANISM, SASL_AUTHENTICATION_FAILED = 33, 58
HOST = b"127.0.0.1"


class AuthenticationFailed(Exception):
    """The client did not prove who it is."""


class Plain:
    """RFC 4616: authorization id, user and password in one message."""

    def __init__(self, options):
        self.expected = (options.user, options.password)

    def step(self, message):
        _, user, password = message.split(b"\0")
        if (user.decode(), password.decode()) != self.expected:
            raise AuthenticationFailed
        return b"", True


class Scram:
    """The server's side of RFC 5802."""

    ITERATIONS = 4096

    def __init__(self, options, digest):
        self.user, self.password, self.digest = options.user, options.password.encode(), digest
        self.first_bare = self.server_first = None

    def _hmac(self, key, text):
        return hmac.new(key, text, self.digest).digest()

    def step(self, message):
        return self._final(message.decode()) if self.server_first else self._first(message.decode())

    def _first(self, message):
        # "n,," is the header of a client that binds no channel; the rest is n=<user>,r=<nonce>.
        self.first_bare = message.split(",", 2)[2]
        fields = dict(part.split("=", 1) for part in self.first_bare.split(","))
        self.salt, self.name = os.urandom(16), fields["n"]
        nonce = fields["r"] + secrets.token_hex(12)
        salt = base64.b64encode(self.salt).decode()
        self.server_first = f"r={nonce},s={salt},i={self.ITERATIONS}"
        return self.server_first.encode(), False

    def _final(self, message):
        without_proof, proof = message.rsplit(",p=", 1)
        salted = hashlib.pbkdf2_hmac(self.digest, self.password, self.salt, self.ITERATIONS)
        signed = ",".join([self.first_bare, self.server_first, without_proof]).encode()
        client_key = self._hmac(salted, b"Client Key")
        stored_key = hashlib.new(self.digest, client_key).digest()
        signature = self._hmac(stored_key, signed)
        expected = bytes(a ^ b for a, b in zip(client_key, signature))
        if self.name != self.user or not hmac.compare_digest(expected, base64.b64decode(proof)):
            raise AuthenticationFailed
        verifier = self._hmac(self._hmac(salted, b"Server Key"), signed)
        return b"v=" + base64.b64encode(verifier), True


class OauthBearer:
    """RFC 7628, with one token that is good."""

    def __init__(self, options):
        self.token = options.token

    def step(self, message):
        if b"auth=Bearer " + self.token.encode() + b"\x01" not in message:
            raise AuthenticationFailed
        return b"", True


MECHANISMS = {
    "PLAIN": Plain,
    "SCRAM-SHA-256": lambda options: Scram(options, "sha256"),
    "SCRAM-SHA-512": lambda options: Scram(options, "sha512"),
    "OAUTHBEARER": OauthBearer,
}


async def read_frame(reader):
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    return await reader.readexactly(size)


def frame(body):
    return struct.pack(">i", len(body)) + body


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def read_varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, at


class Connection:
    """One client, and the broker behind it."""

    def __init__(self, proxy, reader, writer):
        self.proxy, self.reader, self.writer = proxy, reader, writer
        self.exchange = None
        self.authenticated = not proxy.mechanisms
        self.upstream = None

    async def run(self):
        upstream_reader, self.upstream = await asyncio.open_connection("127.0.0.1", self.proxy.options.upstream)
        down = asyncio.create_task(self.forward_responses(upstream_reader))
        try:
            while True:
                request = await read_frame(self.reader)
                await self.proxy.flowing.wait()
                if not await self.handle(request):
                    return
        finally:
            down.cancel()

    async def forward_responses(self, reader):
        try:
            while True:
                response = await read_frame(reader)
                await self.proxy.flowing.wait()
                self.writer.write(frame(self.proxy.rewrite(response)))
                await self.writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            self.writer.close()

    async def handle(self, request):
        """Forwards a request, or answers it. False ends the connection."""
        api, version, correlation = struct.unpack(">hhi", request[:8])
        (client_id_size,) = struct.unpack(">h", request[8:10])
        body = 10 + max(client_id_size, 0)
        if self.proxy.mechanisms and api == SASL_HANDSHAKE:
            return await self.handshake(request, body, correlation)
        if self.proxy.mechanisms and api == SASL_AUTHENTICATE:
            return await self.authenticate(request, body, version, correlation)
        if api != API_VERSIONS and not self.authenticated:
            return False
        self.upstream.write(frame(request))
        await self.upstream.drain()
        return True

    async def handshake(self, request, at, correlation):
        (size,) = struct.unpack(">h", request[at : at + 2])
        name = request[at + 2 : at + 2 + size].decode()
        known = name in self.proxy.mechanisms
        if known:
            self.exchange = MECHANISMS[name](self.proxy.options)
        names = b"".join(struct.pack(">h", len(n)) + n.encode() for n in self.proxy.mechanisms)
        error = 0 if known else UNSUPPORTED_SASL_MECHANISM
        await self.answer(struct.pack(">ihi", correlation, error, len(self.proxy.mechanisms)) + names)
        return known

    async def authenticate(self, request, at, version, correlation):
        flexible = version >= 2
        if flexible:
            _, at = read_varint(request, at)  # tagged fields of the header
            size, at = read_varint(request, at)
            size -= 1
        else:
            (size,) = struct.unpack(">i", request[at : at + 4])
            at += 4
        error, text, out = 0, None, b""
        try:
            out, self.authenticated = self.exchange.step(request[at : at + size])
        except AuthenticationFailed:
            error, text = SASL_AUTHENTICATION_FAILED, b"Authentication failed"
        if flexible:
            message = varint(len(text) + 1) + text if text else b"\0"
            head = struct.pack(">i", correlation) + b"\0" + struct.pack(">h", error) + message
            await self.answer(head + varint(len(out) + 1) + out + struct.pack(">q", 0) + b"\0")
        else:
            message = struct.pack(">h", len(text)) + text if text else struct.pack(">h", -1)
            lifetime = struct.pack(">q", 0) if version >= 1 else b""
            head = struct.pack(">ih", correlation, error) + message
            await self.answer(head + struct.pack(">i", len(out)) + out + lifetime)
        return not error

    async def answer(self, body):
        self.writer.write(frame(body))
        await self.writer.drain()

    def close(self):
        for writer in (self.writer, self.upstream):
            if writer is not None:
                writer.transport.abort()


class Proxy:
    """The listening side."""

    def __init__(self, options):
        self.options = options
        self.mechanisms = [name for name in options.sasl.split(",") if name]
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.refusing = False
        self.connections = set()
        upstream, listen = struct.pack(">i", options.upstream), struct.pack(">i", options.listen)
        # A string is two bytes of length and text, or, in newer versions, one byte of length + 1 and text.
        prefixes = (struct.pack(">h", len(HOST)) + HOST, bytes([len(HOST) + 1]) + HOST)
        self.replacements = [(prefix + upstream, prefix + listen) for prefix in prefixes]

    def rewrite(self, response):
        for old, new in self.replacements:
            response = response.replace(old, new)
        return response

    async def client(self, reader, writer):
        connection = Connection(self, reader, writer)
        if self.refusing:
            return connection.close()
        self.connections.add(connection)
        try:
            await connection.run()
        except (asyncio.IncompleteReadError, OSError, ssl.SSLError):
            pass
        finally:
            self.connections.discard(connection)
            connection.close()

    def command(self, name):
        self.refusing = name == "cut"
        if name == "stall":
            self.flowing.clear()
        else:
            self.flowing.set()
        if name == "cut":
            for connection in list(self.connections):
                connection.close()

    def tls(self):
        if not self.options.cert:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.options.cert, self.options.key)
        if self.options.client_ca:
            context.load_verify_locations(self.options.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    async def serve(self):
        server = await asyncio.start_server(
            self.client, "127.0.0.1", self.options.listen, ssl=self.tls(), limit=1 << 22
        )
        print("ready", flush=True)
        stdin = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
        while line := await stdin.readline():
            self.command(line.decode().strip())
            print("ok", flush=True)
        server.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--upstream", type=int, required=True)
    parser.add_argument("--cert", help="PEM file of the certificate; turns TLS on")
    parser.add_argument("--key", help="PEM file of its key")
    parser.add_argument("--client-ca", help="PEM file of the CA that client certificates must come from")
    parser.add_argument("--sasl", default="", help="mechanisms, separated by commas")
    parser.add_argument("--user", default="alpr")
    parser.add_argument("--password", default="")
    parser.add_argument("--token", default="")
    asyncio.run(Proxy(parser.parse_args()).serve())


if __name__ == "__main__":
    main()
