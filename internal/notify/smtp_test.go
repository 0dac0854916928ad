package notify_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// mailServer is a small SMTP server on loopback (RFC 5321) that keeps what it is given.
type mailServer struct {
	host string
	port int

	mu       sync.Mutex
	mails    []receivedMail
	refuse   []string // answers to the next recipients, in place of taking them
	password string   // that AUTH PLAIN must bring; "" asks for none
	implicit bool
	startTLS *tls.Config // offered when not nil
	roots    *x509.CertPool
	delay    time.Duration // before a mail is taken
}

type receivedMail struct {
	from, to, data string
	tls            bool
	user           string
}

func newMailServer(t *testing.T, implicit, withTLS bool) *mailServer {
	t.Helper()
	s := &mailServer{host: "127.0.0.1", implicit: implicit}
	if withTLS {
		s.certify(t)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s.port, _ = strconv.Atoi(port)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

// certify makes the server a certificate of its own for the address 127.0.0.1.
func (s *mailServer) certify(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s.roots = x509.NewCertPool()
	s.roots.AddCert(cert)
	s.startTLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func (s *mailServer) received() []receivedMail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]receivedMail(nil), s.mails...)
}

func (s *mailServer) serve(c net.Conn) {
	defer func() { c.Close() }()
	secure := s.implicit
	if secure {
		c = tls.Server(c, s.startTLS)
	}
	r := bufio.NewReader(c)
	say := func(lines ...string) bool {
		for _, l := range lines {
			if _, err := c.Write([]byte(l + "\r\n")); err != nil {
				return false
			}
		}
		return true
	}
	say("220 test ESMTP")
	var m receivedMail
	user := ""
	for {
		text, err := r.ReadString('\n')
		if err != nil {
			return
		}
		text = strings.TrimRight(text, "\r\n")
		verb, rest, _ := strings.Cut(text, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			lines := []string{"250-test", "250-8BITMIME"}
			if s.startTLS != nil && !secure {
				lines = append(lines, "250-STARTTLS")
			}
			if s.password != "" {
				lines = append(lines, "250-AUTH PLAIN")
			}
			say(append(lines, "250 SMTPUTF8")...)
		case "STARTTLS":
			say("220 go on")
			tc := tls.Server(c, s.startTLS)
			if tc.Handshake() != nil {
				return
			}
			c, r, secure = tc, bufio.NewReader(tc), true
		case "AUTH":
			_, initial, _ := strings.Cut(rest, " ")
			plain, _ := base64.StdEncoding.DecodeString(initial)
			parts := strings.Split(string(plain), "\x00")
			if len(parts) == 3 && parts[2] == s.password {
				user = parts[1]
				say("235 welcome")
			} else {
				say("535 5.7.8 wrong")
			}
		case "MAIL":
			if s.password != "" && user == "" {
				say("530 5.7.0 who are you")
				continue
			}
			m = receivedMail{from: rest, tls: secure, user: user}
			say("250 ok")
		case "RCPT":
			s.mu.Lock()
			answer := "250 ok"
			if len(s.refuse) > 0 {
				answer, s.refuse = s.refuse[0], s.refuse[1:]
			}
			s.mu.Unlock()
			m.to = rest
			say(answer)
		case "DATA":
			say("354 go on")
			var data strings.Builder
			for {
				l, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if l == ".\r\n" {
					break
				}
				data.WriteString(l)
			}
			time.Sleep(s.delay)
			m.data = data.String()
			s.mu.Lock()
			s.mails = append(s.mails, m)
			s.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}
