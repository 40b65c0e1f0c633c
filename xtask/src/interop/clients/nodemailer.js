// Delivers one message with nodemailer; the argument is the delivery as JSON.
const fs = require("fs");
const nodemailer = require("/usr/share/nodejs/nodemailer");

const delivery = JSON.parse(process.argv[2]);
const token = (delivery.mechanism || "").includes("OAUTH");
const transport = nodemailer.createTransport({
    host: "127.0.0.1",
    port: delivery.port,
    secure: delivery.mode === "implicit",
    requireTLS: delivery.mode === "starttls",
    ignoreTLS: delivery.mode === "plain",
    tls: { ca: fs.readFileSync(delivery.trust) },
    authMethod: delivery.mechanism || undefined,
    auth: !delivery.mechanism ? undefined : token
        ? { type: "OAuth2", user: delivery.user, accessToken: delivery.secret }
        : { user: delivery.user, pass: delivery.secret },
});
const content = fs.readFileSync(delivery.content);
const envelope = {
    from: delivery.user,
    to: delivery.recipients,
    use8BitMime: content.some((octet) => octet > 127),
};
transport.sendMail({ envelope, raw: content }, (error, report) => {
    if (error || report.rejected.length > 0) {
        console.error(error || report.rejected);
        process.exitCode = 1;
    }
});
