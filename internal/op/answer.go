package op

import (
	"bytes"
	"net/http"
	"strconv"
	"sync"
)

// Answer is the JSON of one answer while a Wire writes it. Get it from NewAnswer; Send or Drop ends its use.
type Answer struct{ bytes.Buffer }

var answers = sync.Pool{New: func() any { return new(Answer) }}

// keepAnswer is the largest answer whose memory is kept for the next.
const keepAnswer = 256 << 10

// NewAnswer is an empty answer.
func NewAnswer() *Answer { return answers.Get().(*Answer) }

// Send answers with status 200, on both wires the status of refusals too, and ends the use of a. Nobody hears of a client that
// is gone.
func (a *Answer) Send(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(a.Len()))
	_, _ = w.Write(a.Bytes())
	a.Drop()
}

// Drop ends the use of a without an answer.
func (a *Answer) Drop() {
	if a.Cap() <= keepAnswer {
		a.Reset()
		answers.Put(a)
	}
}
