package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// connection is an HTTP/1.1 client that costs as little as it can, so that the server is what is measured. It reads answers
// with a Content-Length, and chunked ones.
type connection struct {
	net.Conn
	r *bufio.Reader
}

func dial(address string) (*connection, error) {
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &connection{c, bufio.NewReaderSize(c, 64<<10)}, nil
}

// errRefused is an answer with a Retry-After: the server has more to do than it takes on. The connection stays usable.
var errRefused = errors.New("refused")

// wrong is an answer that is not what a row expects. The connection stays usable.
type wrong string

func (w wrong) Error() string { return string(w) }

// answer is what a row may look at.
type answer struct {
	status   int
	location string
	body     []byte
}

// send returns the body of the answer to a request, which must be 200.
func (c *connection) send(request []byte) ([]byte, error) {
	a, err := c.exchange(request)
	if err == nil && a.status != http.StatusOK {
		err = wrong(fmt.Sprintf("status %d: %s", a.status, a.body[:min(len(a.body), 200)]))
	}
	return a.body, err
}

// exchange returns the answer to a request, or errRefused.
func (c *connection) exchange(request []byte) (a answer, err error) {
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.Write(request); err != nil {
		return a, err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return a, err
	}
	if rest, ok := bytes.CutPrefix(line, []byte("HTTP/1.1 ")); ok && len(rest) >= 3 {
		a.status, _ = strconv.Atoi(string(rest[:3]))
	}
	length, chunked, refused := -1, false, false
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return a, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch textproto.CanonicalMIMEHeaderKey(string(name)) {
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return a, err
			}
		case "Transfer-Encoding":
			chunked = true
		case "Retry-After":
			refused = true
		case "Location":
			a.location = string(value)
		}
	}
	switch {
	case chunked:
		a.body, err = c.chunks()
	case length < 0:
		err = errors.New("no length")
	default:
		a.body = make([]byte, length)
		_, err = io.ReadFull(c.r, a.body)
	}
	if err == nil && refused {
		err = errRefused
	}
	return a, err
}

func (c *connection) chunks() ([]byte, error) {
	var body []byte
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return nil, err
		}
		chunk := make([]byte, n+2)
		if _, err := io.ReadFull(c.r, chunk); err != nil {
			return nil, err
		}
		if n == 0 {
			return body, nil
		}
		body = append(body, chunk[:n]...)
	}
}

// result is what a measurement of a row has shown.
type result struct {
	rate          float64 // served a second
	p50, p95, p99 time.Duration
	cpu           time.Duration // of the server, for each served
	databaseCPU   time.Duration // of PostgreSQL, for each served
	failed        int64
	refused       int64
	failure       string // the first one
}

const (
	warmUp = 200 * time.Millisecond
	// A refused caller waits so long before the next try: far less than a client that obeys Retry-After.
	patience = 50 * time.Millisecond
)

var sequence atomic.Int64

// measure lets a number of callers send one request after another, each over a connection of its own, for a time.
func measure(r row, callers int, each time.Duration) result {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		all    []time.Duration // of the answers that came after the warm-up
		inTime int             // of them, before the end
		m      result
	)
	warm := time.Now().Add(warmUp)
	end := warm.Add(each)
	fail := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		if m.failed++; m.failed == 1 {
			m.failure = what
		}
	}
	var cpu, databaseCPU time.Duration
	time.AfterFunc(time.Until(warm), func() { cpu, databaseCPU = r.server.cpu(), r.server.databaseCPU() })
	for range callers {
		wg.Go(func() {
			c, err := dial(r.server.address)
			if err != nil {
				fail(err.Error())
				return
			}
			defer func() { c.Close() }()
			do := r.operation()
			var took []time.Duration
			timely, refused := 0, int64(0)
			for {
				began := time.Now()
				if began.After(end) {
					break
				}
				_, err := do(c, sequence.Add(1))
				now := time.Now()
				var unexpected wrong
				switch {
				case errors.Is(err, errRefused):
					if now.After(warm) {
						refused++
					}
					time.Sleep(patience)
				case errors.As(err, &unexpected):
					fail(err.Error())
				case err != nil:
					fail(err.Error())
					c.Close()
					next, err := dial(r.server.address)
					if err != nil {
						return
					}
					c = next
				case now.After(warm):
					took = append(took, now.Sub(began))
					if !now.After(end) {
						timely++
					}
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all, inTime, m.refused = append(all, took...), inTime+timely, m.refused+refused
		})
	}
	wg.Wait()
	if len(all) == 0 {
		return m
	}
	per := max(r.per, 1)
	m.rate = float64(per*inTime) / each.Seconds()
	if inTime == 0 { // nothing came in time: count what came late
		m.rate = float64(per*len(all)) / time.Since(warm).Seconds()
	}
	n := time.Duration(per * len(all))
	m.cpu, m.databaseCPU = (r.server.cpu()-cpu)/n, (r.server.databaseCPU()-databaseCPU)/n
	slices.Sort(all)
	m.p50, m.p95, m.p99 = all[len(all)/2], all[len(all)*95/100], all[len(all)*99/100]
	return m
}
