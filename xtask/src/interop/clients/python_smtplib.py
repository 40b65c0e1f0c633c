# Delivers one message with Python's smtplib; the argument is the delivery as JSON.
import json
import smtplib
import ssl
import sys

delivery = json.loads(sys.argv[1])
context = ssl.create_default_context(cafile=delivery["trust"])
if delivery["mode"] == "implicit":
    client = smtplib.SMTP_SSL("127.0.0.1", delivery["port"], context=context)
else:
    client = smtplib.SMTP("127.0.0.1", delivery["port"])
if delivery["mode"] == "starttls":
    client.starttls(context=context)
client.ehlo()
if delivery["mechanism"]:
    client.user, client.password = delivery["user"], delivery["secret"]
    client.auth(delivery["mechanism"], getattr(client, "auth_" + delivery["mechanism"].lower().replace("-", "_")))
with open(delivery["content"], "rb") as file:
    content = file.read()
options = [] if content.isascii() else ["BODY=8BITMIME"]
if not all(recipient.isascii() for recipient in delivery["recipients"]):
    options.append("SMTPUTF8")
refused = client.sendmail(delivery["user"], delivery["recipients"], content, mail_options=options)
client.quit()
sys.exit(str(refused) if refused else 0)
