// A server on go-smtp that takes everything and throws it away: the rival of the area "server".
package main

import (
	"fmt"
	"io"
	"net"

	"github.com/emersion/go-smtp"
)

type backend struct{}

func (backend) Login(*smtp.ConnectionState, string, string) (smtp.Session, error) {
	return session{}, nil
}

func (backend) AnonymousLogin(*smtp.ConnectionState) (smtp.Session, error) { return session{}, nil }

type session struct{}

func (session) Reset()                              {}
func (session) Logout() error                       { return nil }
func (session) Mail(string, smtp.MailOptions) error { return nil }
func (session) Rcpt(string) error                   { return nil }
func (session) Data(content io.Reader) error        { _, err := io.Copy(io.Discard, content); return err }

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr())
	server := smtp.NewServer(backend{})
	server.Domain = "go.test"
	server.MaxMessageBytes = 64 << 20
	server.MaxRecipients = 1000
	panic(server.Serve(listener))
}
