# Delivers one message with aiosmtplib; the argument is the delivery as JSON.
import asyncio
import json
import ssl
import sys

import aiosmtplib

delivery = json.loads(sys.argv[1])


async def deliver():
    client = aiosmtplib.SMTP(
        hostname="127.0.0.1",
        port=delivery["port"],
        use_tls=delivery["mode"] == "implicit",
        start_tls=False,
        tls_context=ssl.create_default_context(cafile=delivery["trust"]),
    )
    await client.connect()
    if delivery["mode"] == "starttls":
        await client.starttls()
    await client.ehlo()
    if delivery["mechanism"]:
        authenticate = getattr(client, "auth_" + delivery["mechanism"].lower().replace("-", ""))
        await authenticate(delivery["user"], delivery["secret"])
    with open(delivery["content"], "rb") as file:
        content = file.read()
    options = [] if content.isascii() else ["BODY=8BITMIME"]
    if not all(recipient.isascii() for recipient in delivery["recipients"]):
        options.append("SMTPUTF8")
    refused, _ = await client.sendmail(
        delivery["user"], delivery["recipients"], content, mail_options=options
    )
    await client.quit()
    return str(refused) if refused else 0


sys.exit(asyncio.run(deliver()))
