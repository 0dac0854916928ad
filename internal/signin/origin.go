package signin

import (
	"context"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Origins of pages are compared as browsers write them (RFC 6454 section 6.1): scheme://host, with a port only where it is not the
// scheme's own.

// OriginAllowed reports whether pages of an origin may read what the server answers about an application: it is the server's own, one
// that the application or its pool allows, or that of one of the application's redirect URIs. A request that names no application may
// be read by the pages of all applications of the pool that it names, and one that names no pool by those of all pools: what it can
// be about is then decided by what it shows. In development the machine's own origins are allowed.
func (s *Signin) OriginAllowed(ctx context.Context, poolID, appID, origin string) (bool, error) {
	if _, ok := parseOrigin(origin); !ok {
		return false, nil
	}
	if own, ok := originOf(s.issuer); ok && own == origin || s.dev && isLoopback(origin) {
		return true, nil
	}
	if appID != "" {
		app, err := s.Application(ctx, appID)
		if err != nil {
			if fault.KindOf(err) == fault.NotFound {
				err = nil
			}
			return false, err
		}
		if poolID != "" && app.PoolID != poolID {
			// One of the clients writes its tenant into the header of the pool, and then the application decides. Where it is a pool,
			// the answer is about that one.
			index, err := s.origins.get(ctx, s.readOrigins)
			if err != nil || index.pools[poolID] != nil {
				return false, err
			}
		}
		if appOrigins(&app.Settings).has(origin) {
			return true, nil
		}
		policy, err := s.Policy(ctx, app)
		if err != nil {
			return false, err
		}
		return originsOf(policy.AllowedOrigins).has(origin), nil
	}
	index, err := s.origins.get(ctx, s.readOrigins)
	if err != nil {
		return false, err
	}
	if poolID != "" {
		return index.pools[poolID].has(origin), nil
	}
	return index.all.has(origin), nil
}

// PageOrigins are the origins of an application's redirect URIs and the server's own, sorted: pages there belong to the application
// whatever else it allows.
func (s *Signin) PageOrigins(app *Application) []string {
	o := &originSet{exact: map[string]bool{}}
	for _, uri := range slices.Concat(app.Settings.RedirectURIs, app.Settings.LogoutRedirectURIs, []string{s.issuer}) {
		if !strings.Contains(uri, "*") {
			o.add(uri)
		}
	}
	return slices.Sorted(maps.Keys(o.exact))
}

// originSet are origins, and patterns of which one "*" stands for one label of a host or more. nil is empty.
type originSet struct {
	exact    map[string]bool
	patterns [][2]string // what stands before the star and what after it
}

func (o *originSet) add(text string) {
	before, after, star := strings.Cut(strings.ToLower(strings.TrimSpace(text)), "*")
	if !star {
		if origin, ok := originOf(text); ok {
			if o.exact == nil {
				o.exact = map[string]bool{}
			}
			o.exact[origin] = true
		}
		return
	}
	// A star has a domain of two labels at least behind it: one for a whole registry, or for everything, is a mistake.
	after = strings.TrimSuffix(after, "/")
	host, _, _ := strings.Cut(after, ":")
	if before != "https://" && before != "http://" || !strings.HasPrefix(host, ".") || !strings.Contains(host[1:], ".") || strings.ContainsAny(after, "*/") {
		return
	}
	o.patterns = append(o.patterns, [2]string{before, after})
}

func (o *originSet) addAll(of *originSet) {
	for origin := range of.exact {
		if o.exact == nil {
			o.exact = map[string]bool{}
		}
		o.exact[origin] = true
	}
	o.patterns = append(o.patterns, of.patterns...)
}

func (o *originSet) has(origin string) bool {
	if o == nil {
		return false
	}
	if o.exact[origin] {
		return true
	}
	for _, p := range o.patterns {
		rest, ok := strings.CutPrefix(origin, p[0])
		if !ok {
			continue
		}
		labels, ok := strings.CutSuffix(rest, p[1])
		if ok && labels != "" && !strings.ContainsAny(labels, ":/@[]") && !strings.HasPrefix(labels, ".") && !strings.HasSuffix(labels, ".") {
			return true
		}
	}
	return false
}

func originsOf(lists ...[]string) *originSet {
	o := &originSet{}
	for _, list := range lists {
		for _, text := range list {
			o.add(text)
		}
	}
	return o
}

func appOrigins(t *AppSettings) *originSet {
	return originsOf(t.AllowedOrigins, t.RedirectURIs, t.LogoutRedirectURIs)
}

func poolOrigins(t *directory.PoolSettings) *originSet {
	if t.AllowedOrigins == nil {
		return &originSet{}
	}
	return originsOf(words(*t.AllowedOrigins))
}

// parseOrigin reads what a browser calls an origin. Opaque ones ("null") are none.
func parseOrigin(origin string) (*url.URL, bool) {
	if len(origin) > 512 {
		return nil, false
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, false
	}
	return u, true
}

// originOf is the origin of a web address, as a browser writes it; false where it is none.
func originOf(address string) (string, bool) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" || u.User != nil {
		return "", false
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	default:
		return "", false
	}
	return scheme + "://" + host, true
}

// isLoopback reports whether an origin is of the machine that the browser runs on.
func isLoopback(origin string) bool {
	u, ok := parseOrigin(origin)
	if !ok {
		return false
	}
	host := u.Hostname()
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// originIndex are the origins of all pools, for requests that name no application: preflights name none.
type originIndex struct {
	mu      sync.Mutex
	epoch   int64 // of the last change that was told
	built   *builtOrigins
	builtAt int64 // the epoch that built was read in
}

type builtOrigins struct {
	pools map[string]*originSet
	all   originSet
}

func (i *originIndex) drop(string, []string) {
	i.mu.Lock()
	i.epoch++
	i.mu.Unlock()
}

// get returns the index, read anew after a change. One caller reads at a time and the others wait for it.
func (i *originIndex) get(ctx context.Context, read func(ctx context.Context) (*builtOrigins, error)) (*builtOrigins, error) {
	i.mu.Lock()
	b, fresh, epoch := i.built, i.built != nil && i.builtAt == i.epoch, i.epoch
	i.mu.Unlock()
	if fresh {
		return b, nil
	}
	b, err := read(ctx)
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	i.built, i.builtAt = b, epoch
	i.mu.Unlock()
	return b, nil
}

// readOrigins reads all applications and pools.
func (s *Signin) readOrigins(ctx context.Context) (*builtOrigins, error) {
	b := &builtOrigins{pools: map[string]*originSet{}}
	of := func(poolID string) *originSet {
		o := b.pools[poolID]
		if o == nil {
			o = &originSet{}
			b.pools[poolID] = o
		}
		return o
	}
	type poolRow struct {
		PoolID   string                 `db:"pool_id"`
		Settings directory.PoolSettings `db:"settings,json"`
	}
	for last := ""; ; {
		list, err := db.List[poolRow](ctx, s.db, "select pool_id, settings from pools where pool_id > ? order by pool_id limit 500", last)
		if err != nil {
			return nil, err
		}
		for i := range list {
			of(list[i].PoolID).addAll(poolOrigins(&list[i].Settings))
		}
		if len(list) < 500 {
			break
		}
		last = list[len(list)-1].PoolID
	}
	type appRow struct {
		PoolID   string      `db:"pool_id"`
		ID       string      `db:"id"`
		Settings AppSettings `db:"settings,json"`
	}
	for pool, id := "", ""; ; {
		list, err := db.List[appRow](ctx, s.db, `select pool_id, id, settings from applications where enabled = ? and (pool_id > ? or pool_id = ? and id > ?)
			order by pool_id, id limit 500`, true, pool, pool, id)
		if err != nil {
			return nil, err
		}
		for i := range list {
			of(list[i].PoolID).addAll(appOrigins(&list[i].Settings))
		}
		if len(list) < 500 {
			break
		}
		pool, id = list[len(list)-1].PoolID, list[len(list)-1].ID
	}
	for _, o := range b.pools {
		b.all.addAll(o)
	}
	return b, nil
}
