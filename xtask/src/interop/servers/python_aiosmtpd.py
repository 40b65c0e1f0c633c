# Keeps what it is sent: one file for each message, named by its number.
import json
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

settings = json.loads(sys.argv[1])


class Keep:
    count = 0

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        with open(f"{settings['folder']}/{self.count}.new", "wb") as file:
            file.write(envelope.original_content)
        return "250 2.0.0 kept"


def authenticate(server, session, envelope, mechanism, data):
    expected = LoginPassword(settings["user"].encode(), settings["secret"].encode())
    return AuthResult(success=data == expected, handled=False)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(settings["certificate"], settings["key"])
tls = (
    {"ssl_context": context, "auth_require_tls": False}
    if settings["implicit"]
    else {"tls_context": context, "require_starttls": True}
)
controller = Controller(
    Keep(),
    hostname="127.0.0.1",
    port=settings["port"],
    authenticator=authenticate,
    auth_required=True,
    decode_data=False,
    enable_SMTPUTF8=True,
    **tls,
)
controller.start()
sys.stdin.read()
controller.stop()
