package op

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Wire is what differs between the wires: how a request shows who asks, and the envelope of the answer.
type Wire interface {
	// Caller authenticates the request. body is the whole body, empty for GET, and is valid only during the call.
	// A request that shows nothing has an anonymous caller and no error. Beside an error the caller may be nil, or carry
	// what is known for the answer: the language and the request id.
	Caller(r *http.Request, body []byte, o *Op) (*caller.Caller, error)

	// Succeed answers with data, which is of o.Out().
	Succeed(w http.ResponseWriter, r *http.Request, o *Op, c *caller.Caller, data any)

	// Fail answers with err, whose text is not to be shown unless it is a *fault.Error's code; it has been logged if it
	// needed to be. c is never nil; where the caller could not be resolved it is the one of the request's context.
	Fail(w http.ResponseWriter, r *http.Request, o *Op, c *caller.Caller, err error)
}

// Limits bound what one request may take.
type Limits struct {
	Body     int64         // bytes of body; beyond it the answer is kind TooLarge, code "body_too_large"
	Deadline time.Duration // from the last byte of the body; beyond it the answer is kind Unavailable, code "deadline"; 0 means none
	Gates    Gates         // who finds no place at the gate of the call's Class is answered with the gate's refusal
}

// Handler serves o. The order is fixed: read the body, pass the gate, resolve the caller, ask the rule, decode and check the
// arguments, call, leave the gate, answer; an earlier refusal hides the later ones, so a stranger learns nothing about arguments.
// Clients that send or receive slowly hold no place at a gate, and who is refused there has cost next to nothing.
//
// Answers of kind Throttled have a Retry-After header (RFC 9110, 10.2.3).
//
// A panic of the call is answered as internal. Internal and unavailable failures are logged once, here, through the
// logger of the request's context. When the client has gone away only a panic is logged, nothing is written, and the
// connection is aborted.
func Handler(o Op, wire Wire, limits Limits) http.Handler {
	if limits.Body <= 0 {
		panic("op: Limits.Body must be positive")
	}
	return &handler{op: o, wire: wire, limits: limits}
}

type handler struct {
	op     Op
	wire   Wire
	limits Limits
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := caller.From(r.Context())
	data, err := h.serve(w, r, &c)
	if r.Context().Err() == context.Canceled {
		if p := (*panicked)(nil); errors.As(err, &p) {
			report(r.Context(), &h.op, c, err)
		}
		panic(http.ErrAbortHandler) // an empty 200 could be taken for an answer by a proxy
	}
	if err != nil {
		if fault.As(err) == nil && errors.Is(err, context.DeadlineExceeded) {
			err = fault.New(fault.Unavailable, "deadline").Because(err)
		}
		report(r.Context(), &h.op, c, err)
		if fault.KindOf(err) == fault.Throttled {
			w.Header().Set("Retry-After", retryAfter)
		}
		h.wire.Fail(w, r, &h.op, c, err)
		return
	}
	h.wire.Succeed(w, r, &h.op, c, data)
}

// serve does everything but answer. It leaves the caller in *c as soon as there is one.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, c **caller.Caller) (data any, err error) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			data, err = nil, &panicked{value: v, stack: debug.Stack()}
		}
	}()

	s := scratches.Get().(*scratch) // after a panic it stays out of the pool: its decoder may be anywhere
	if err := s.read(w, r, h.limits.Body); err != nil {
		s.free()
		return nil, err
	}
	if h.limits.Deadline > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), h.limits.Deadline)
		defer cancel()
		r = r.WithContext(ctx)
	}
	held := h.limits.Gates[h.op.Class]
	if err := held.Enter(r.Context()); err != nil {
		s.free()
		return nil, err
	}
	defer func() { held.Leave() }()
	in, err := h.arguments(r, s, c)
	s.free()
	if err != nil {
		return nil, err
	}
	if h.op.regrade != nil {
		if other := h.limits.Gates[h.op.regrade(in)]; other != held {
			held.Leave() // first, or those that wait for the one would stand in the way of the other
			held = nil
			if err := other.Enter(r.Context()); err != nil {
				return nil, err
			}
			held = other
		}
	}
	return h.op.call(caller.With(r.Context(), *c), in)
}

// arguments resolves the caller, asks the rule and decodes, in this order.
func (h *handler) arguments(r *http.Request, s *scratch, c **caller.Caller) (any, error) {
	who, err := h.wire.Caller(r, s.body.Bytes(), &h.op)
	if who != nil {
		*c = who
	}
	if err != nil {
		return nil, err
	}
	if err := h.op.Rule(who); err != nil {
		return nil, err
	}
	in := h.op.newIn()
	return in, h.op.plan.decode(reflect.ValueOf(in).Elem(), r, s)
}

// scratch is what reading one request needs. Nothing that outlives the request points into it.
type scratch struct {
	body    bytes.Buffer
	decoder jsontext.Decoder
}

// keep is the largest body buffer that goes back to the pool: one large import must not hold its memory for ever.
const keep = 64 << 10

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (s *scratch) free() {
	if s.body.Cap() <= keep {
		s.body.Reset()
		scratches.Put(s)
	}
}

func (s *scratch) read(w http.ResponseWriter, r *http.Request, limit int64) error {
	if r.Body == nil || r.Body == http.NoBody || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	tooLarge := fault.New(fault.TooLarge, "body_too_large")
	if r.ContentLength > limit {
		return tooLarge
	}
	if _, err := s.body.ReadFrom(http.MaxBytesReader(w, r.Body, limit)); err != nil {
		var max *http.MaxBytesError
		if errors.As(err, &max) {
			return tooLarge
		}
		return malformed.Because(err)
	}
	return nil
}

// panicked is a recovered panic on its way to the log.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprint("panic: ", p.value) }

func report(ctx context.Context, o *Op, c *caller.Caller, err error) {
	level := slog.LevelError
	switch fault.KindOf(err) {
	case fault.Internal:
	case fault.Unavailable:
		level = slog.LevelWarn
	default:
		return
	}
	attrs := []slog.Attr{slog.String("operation", o.Name), slog.String("request", c.RequestID), slog.Any("error", err)}
	var p *panicked
	if errors.As(err, &p) {
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	Logger(ctx).LogAttrs(ctx, level, "operation failed", attrs...)
}

type loggerKey struct{}

// WithLogger makes l the logger of the requests under ctx. Operation and request id are added to each record here.
func WithLogger(ctx context.Context, l *slog.Logger) context.Context {
	return context.WithValue(ctx, loggerKey{}, l)
}

// Logger is the logger of ctx, or slog.Default().
func Logger(ctx context.Context) *slog.Logger {
	if l, ok := ctx.Value(loggerKey{}).(*slog.Logger); ok {
		return l
	}
	return slog.Default()
}
