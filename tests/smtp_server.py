"""A mail server for tests: takes mail by SMTP and puts each into a folder as JSON. Prints its port, then serves until its
standard input ends.

    python3 tests/smtp_server.py FOLDER PORT ""|smtps|starttls

A port of 0 is any. Refuses addresses that begin with `refused`. With TLS it makes itself a certificate, signed by FOLDER/ca.pem, and takes
nothing without the user `lodestone` and the password `geheim`. It listens on 127.0.0.1; with STARTTLS on 127.0.0.2, which
is not taken for this machine.
"""

import asyncio
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Box:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 no such box here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        mail = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "text": envelope.content.decode()}
        part = self.folder / "part"
        part.write_text(json.dumps(mail))
        part.rename(self.folder / f"{self.count:04}.json")
        return "250 OK"


def certificate(folder):
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.2").configure_cert(context)
    return context


def is_known(server, session, envelope, mechanism, data):
    # Not handled: the server answers by itself.
    return AuthResult(success=(data.login, data.password) == (b"lodestone", b"geheim"), handled=False)


async def serve(folder, port, tls):
    box = Box(folder)
    context = certificate(folder) if tls else None
    asks = {"authenticator": is_known, "auth_required": True} if tls else {}
    if tls == "starttls":
        asks |= {"tls_context": context, "require_starttls": True}
    if tls == "smtps":
        asks |= {"auth_require_tls": False}
    loop = asyncio.get_running_loop()
    outer = context if tls == "smtps" else None
    host = "127.0.0.2" if tls == "starttls" else "127.0.0.1"
    server = await loop.create_server(lambda: SMTP(box, **asks), host, port, ssl=outer)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


folder, port, tls = sys.argv[1:]
asyncio.run(serve(pathlib.Path(folder), int(port), tls))
