package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/op"
)

// around is what every request passes: it gets an identifier and a caller without credentials, is counted, and is logged when
// it fails or when everything is.
func (s *Server) around(next http.Handler) http.Handler {
	debug := s.logger.Enabled(context.Background(), slog.LevelDebug)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		c := &caller.Caller{RequestID: newRequestID(), ClientIP: s.clientIP(r), UserAgent: r.UserAgent()}
		h := w.Header()
		h.Set("X-Request-Id", c.RequestID)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		ctx := op.WithLogger(caller.With(r.Context(), c), s.logger)
		r = r.WithContext(ctx)
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			took := time.Since(started)
			s.metrics.observe(r.Pattern, rec.status, took) // the router has left its pattern in r
			if debug || rec.status >= 500 {
				level := slog.LevelDebug
				if rec.status >= 500 {
					level = slog.LevelError
				}
				s.logger.LogAttrs(ctx, level, "request", slog.String("request", c.RequestID), slog.String("method", r.Method),
					slog.String("path", r.URL.Path), slog.Int("status", rec.status), slog.Duration("took", took), slog.String("ip", c.ClientIP))
			}
		}()
		next.ServeHTTP(rec, r)
	})
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController and http.MaxBytesReader reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func newRequestID() string {
	var b [12]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// clientIP is the address that a request comes from. X-Forwarded-For is read from its end as long as the address before is a
// trusted proxy's: what a stranger writes there is never believed.
func (s *Server) clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	if len(s.Config.TrustedProxies) == 0 {
		return host
	}
	at, err := netip.ParseAddr(host)
	if err != nil || !s.trusted(at) {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		at = hop
		if !s.trusted(hop) {
			break
		}
	}
	return at.Unmap().String()
}

func (s *Server) trusted(a netip.Addr) bool {
	a = a.Unmap()
	for _, p := range s.Config.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// avatar is the picture of users who have none: a plain silhouette.
const avatar = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" fill="#c8ccd4"/>` +
	`<circle cx="32" cy="25" r="11" fill="#fff"/><path d="M10 60c2-14 11-21 22-21s20 7 22 21z" fill="#fff"/></svg>`

// mountHealth mounts what machines ask: /healthz while the process lives, /readyz while it can answer, /metrics.
func (s *Server) mountHealth(mux *http.ServeMux) {
	say := func(w http.ResponseWriter, status int, text string) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text + "\n"))
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if s.stopped.Load() {
			say(w, http.StatusServiceUnavailable, "stopping")
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if err := s.DB.Ping(ctx); err != nil {
			s.logger.Warn("not ready", "error", err)
			say(w, http.StatusServiceUnavailable, "the database does not answer")
			return
		}
		say(w, http.StatusOK, "ready")
	})
	mux.HandleFunc("GET "+avatarPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		w.Header().Set("Cache-Control", "public, max-age=86400")
		_, _ = w.Write([]byte(avatar))
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusOK, "Guildhall "+s.version+" is running. Point a client's host to "+s.Config.BaseURL)
	})
	if s.Config.MetricsListen == "" {
		mux.Handle("GET /metrics", s.metrics.handler())
	}
}
