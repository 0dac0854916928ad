// Package caller says who is asking. The server resolves a Caller once per request and puts it into the context; the
// domain takes the pool, the actor of an audit record and the language from it and from nowhere else.
package caller

import (
	"context"
	"sync/atomic"
)

// Kind is what the caller has shown.
type Kind uint8

const (
	Anonymous Kind = iota // nothing
	Key                   // an access key of the pool: may do everything that administrators may
	User                  // one of the pool's users, by a token of theirs
	System                // the server itself: command line, background work
)

// Caller is who asks. PoolID is empty only for an anonymous caller whose request names no pool.
type Caller struct {
	Kind      Kind
	PoolID    string
	AppID     string // the application that the request names, checked to be of PoolID
	KeyID     string // Kind Key: the access key
	UserID    string // Kind User: the user; Kind Key: the administrator who owns the key, if any
	SessionID string // Kind User: the session that the token came of; empty for none
	Scope     string // Kind User: what an access token was granted, words parted by spaces; empty for a token of another kind, which may all
	Limited   bool   // Kind User: the token is that of an application that asks its users for consent: it reads what it was granted, and no more
	AppProven bool   // the request has shown the secret of AppID
	TenantID  string
	Language  string // BCP 47, as the request asks: "zh-CN" or "en-US"
	RequestID string
	ClientIP  string
	UserAgent string
	Once      *Once // what makes the request unrepeatable; nil when nothing does
}

// Once identifies a signed request. The first transaction of a write records it in the same commit, so that a request
// which took effect cannot take effect again, on any server, before or after a restart.
type Once struct {
	KeyID   string
	Nonce   string
	Expires int64 // unix ms; after this the signature's date alone refuses the request
	spent   atomic.Bool
}

// Spend reports true to exactly one caller: the transaction that must record the nonce.
func (o *Once) Spend() bool { return o.spent.CompareAndSwap(false, true) }

// Unspend gives the nonce back after the recording transaction was rolled back.
func (o *Once) Unspend() { o.spent.Store(false) }

type contextKey struct{}

// With puts c into the context. c must not be changed afterwards.
func With(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

var nobody = &Caller{}

// From is the caller of ctx, or an anonymous one without a pool; it is never nil.
func From(ctx context.Context) *Caller {
	if c, ok := ctx.Value(contextKey{}).(*Caller); ok {
		return c
	}
	return nobody
}
