// Delivers one message with Go's net/smtp; the argument is the delivery as JSON.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/smtp"
	"os"
)

type delivery struct {
	Mode, Trust, Content, Mechanism, User, Secret string
	Port                                          int
	Recipients                                    []string
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	var d delivery
	must(json.Unmarshal([]byte(os.Args[1]), &d))
	pem, err := os.ReadFile(d.Trust)
	must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	config := &tls.Config{ServerName: "127.0.0.1", RootCAs: roots}
	address := fmt.Sprintf("127.0.0.1:%d", d.Port)

	var client *smtp.Client
	if d.Mode == "implicit" {
		connection, err := tls.Dial("tcp", address, config)
		must(err)
		client, err = smtp.NewClient(connection, "127.0.0.1")
		must(err)
	} else {
		client, err = smtp.Dial(address)
		must(err)
	}
	must(client.Hello("client.test"))
	if d.Mode == "starttls" {
		must(client.StartTLS(config))
	}
	switch d.Mechanism {
	case "PLAIN":
		must(client.Auth(smtp.PlainAuth("", d.User, d.Secret, "127.0.0.1")))
	case "CRAM-MD5":
		must(client.Auth(smtp.CRAMMD5Auth(d.User, d.Secret)))
	}
	content, err := os.ReadFile(d.Content)
	must(err)
	must(client.Mail(d.User))
	for _, recipient := range d.Recipients {
		must(client.Rcpt(recipient))
	}
	writer, err := client.Data()
	must(err)
	_, err = writer.Write(content)
	must(err)
	must(writer.Close())
	must(client.Quit())
}
