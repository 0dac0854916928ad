package signin

import (
	"context"
	"net/netip"
	"sync"
	"time"

	pace "golang.org/x/time/rate"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// ErrLookupsTooMany says that an address has asked too often whether accounts exist.
var ErrLookupsTooMany = fault.New(fault.Throttled, "lookups_too_many")

// How often one address may ask whether accounts exist: at once, and again after a time.
const (
	knownAtOnce = 60
	knownEvery  = time.Second
)

// AccountKnown tells anybody whether a user of the pool can be named so: the clients' registration and reset forms work only with the
// answer. It says who is there, which signing in and asking for codes never do: an address that asks more often than people type is
// ErrLookupsTooMany, and what could be no name of a user is known to nobody.
func (s *Signin) AccountKnown(ctx context.Context, poolID string, p directory.Principals) (bool, error) {
	if !s.lookups.allow(caller.From(ctx).ClientIP, time.Now()) {
		return false, ErrLookupsTooMany
	}
	_, err := s.dir.UserByPrincipals(ctx, poolID, p)
	switch fault.KindOf(err) {
	case fault.NotFound, fault.Invalid:
		return false, nil
	}
	return err == nil, err
}

// addressRates bounds what each address does. It remembers two generations of addresses, so that memory is bounded and whoever is busy
// stays known.
type addressRates struct {
	mu       sync.Mutex
	now, old map[netip.Prefix]*pace.Limiter
}

const mostAddresses = 10_000 // in a generation

// allow reports whether an address may once more, and counts it.
func (a *addressRates) allow(ip string, at time.Time) bool { return a.of(ip).AllowN(at, 1) }

// spent reports whether an address may no more for now; it counts nothing.
func (a *addressRates) spent(ip string, at time.Time) bool { return a.of(ip).TokensAt(at) < 1 }

// of is the bound of an address. A network of version 6 counts as one address: a household has a whole one.
func (a *addressRates) of(ip string) *pace.Limiter {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		addr = netip.IPv4Unspecified() // all who have none are one
	}
	addr = addr.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	key, _ := addr.Prefix(bits)
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.now[key]
	if l == nil {
		if l = a.old[key]; l == nil {
			l = pace.NewLimiter(pace.Every(knownEvery), knownAtOnce)
		}
		if a.now == nil || len(a.now) >= mostAddresses {
			a.now, a.old = make(map[netip.Prefix]*pace.Limiter), a.now
		}
		a.now[key] = l
	}
	return l
}
