package signin_test

import (
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func TestOriginAllowed(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		update := func(pool testhall.Pool, app string, change func(*signin.AppSettings)) {
			t.Helper()
			if _, err := h.Signin.UpdateApplication(pool.As(t.Context()), pool.ID, app, signin.ApplicationPatch{Settings: func(s *signin.AppSettings) error { change(s); return nil }}); err != nil {
				t.Fatal(err)
			}
		}
		update(p, p.AppID, func(s *signin.AppSettings) {
			s.RedirectURIs = []string{"https://app.example.com/callback", "HTTP://Local.example:80/cb", "https://app.example.com:8443/callback"}
			s.AllowedOrigins = []string{"https://one.example.com", "https://*.wild.example.com"}
		})
		second, err := h.Signin.CreateApplication(ctx, p.ID, signin.NewApplication{Name: "second", Settings: signin.AppSettings{RedirectURIs: []string{"https://second.example/"}}})
		if err != nil {
			t.Fatal(err)
		}
		update(other, other.AppID, func(s *signin.AppSettings) { s.AllowedOrigins = []string{"https://other.example"} })
		if _, err := h.Directory.UpdatePool(ctx, p.ID, directory.PoolPatch{Settings: directory.PoolSettings{SecuritySettings: directory.SecuritySettings{
			AllowedOrigins: new("https://pool.example\nhttps://*.pools.example , https://*, https://*.com, *")}}}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name, pool, app, origin string
			want                    bool
		}{
			{"a redirect URI's", p.ID, p.AppID, "https://app.example.com", true},
			{"of another port", p.ID, p.AppID, "https://app.example.com:8443", true},
			{"of a port that is none of its", p.ID, p.AppID, "https://app.example.com:9443", false},
			{"of another scheme", p.ID, p.AppID, "http://app.example.com", false},
			{"the scheme's own port left out", p.ID, p.AppID, "http://local.example", true},
			{"one that is allowed", p.ID, p.AppID, "https://one.example.com", true},
			{"a label for the star", p.ID, p.AppID, "https://a.wild.example.com", true},
			{"two labels for it", p.ID, p.AppID, "https://a.b.wild.example.com", true},
			{"none for it", p.ID, p.AppID, "https://wild.example.com", false},
			{"another host before it", p.ID, p.AppID, "https://evil.example/.wild.example.com", false},
			{"a port before it", p.ID, p.AppID, "https://evil.example:1.wild.example.com", false},
			{"a host that ends alike", p.ID, p.AppID, "https://evilwild.example.com", false},
			{"the pool's", p.ID, p.AppID, "https://pool.example", true},
			{"by the pool's star", p.ID, p.AppID, "https://a.pools.example", true},
			{"a star for everything", p.ID, p.AppID, "https://evil.example", false},
			{"a star for a registry", p.ID, p.AppID, "https://evil.com", false},
			{"another application's", p.ID, p.AppID, "https://second.example", false},
			{"its own", p.ID, second.ID, "https://second.example", true},
			{"the pool's, of its own", p.ID, second.ID, "https://pool.example", true},
			{"another pool's", p.ID, p.AppID, "https://other.example", false},
			{"an application of another pool", p.ID, other.AppID, "https://other.example", false},
			{"an application, and a tenant for the pool", "0123456789abcdef01234567", p.AppID, "https://app.example.com", true},
			{"an application alone", "", other.AppID, "https://other.example", true},
			{"an unknown application", "", "ffffffffffffffffffffffff", "https://app.example.com", false},
			{"nonsense for one", "", "x\x00", "https://app.example.com", false},
			{"the pool alone", p.ID, "", "https://second.example", true},
			{"the pool alone, by the star", p.ID, "", "https://a.wild.example.com", true},
			{"another pool's, of the pool alone", p.ID, "", "https://other.example", false},
			{"an unknown pool", "ffffffffffffffffffffffff", "", "https://other.example", false},
			{"nothing is named", "", "", "https://other.example", true},
			{"nothing is named, by the star", "", "", "https://a.pools.example", true},
			{"nothing is named, and nobody's", "", "", "https://evil.example", false},
			{"the server's own", "", "", testhall.BaseURL, true},
			{"the server's own, of an application", p.ID, p.AppID, testhall.BaseURL, true},
			{"opaque", "", "", "null", false},
			{"a path", "", "", "https://other.example/", false},
			{"a user", "", "", "https://x@other.example", false},
			{"another scheme", "", "", "file://other.example", false},
			{"this machine", p.ID, p.AppID, "http://localhost:3000", false},
		} {
			if got, err := h.Signin.OriginAllowed(ctx, c.pool, c.app, c.origin); err != nil || got != c.want {
				t.Errorf("%s: %v, %v", c.name, got, err)
			}
		}

		// A new application's pages are known from its making on.
		if _, err := h.Signin.CreateApplication(ctx, p.ID, signin.NewApplication{Name: "third", Settings: signin.AppSettings{RedirectURIs: []string{"https://third.example/"}}}); err != nil {
			t.Fatal(err)
		}
		if got, err := h.Signin.OriginAllowed(ctx, "", "", "https://third.example"); err != nil || !got {
			t.Errorf("the new application's: %v, %v", got, err)
		}
		// So are a pool's, when they change.
		if _, err := h.Directory.UpdatePool(ctx, p.ID, directory.PoolPatch{Settings: directory.PoolSettings{SecuritySettings: directory.SecuritySettings{
			AllowedOrigins: new("https://new.example")}}}); err != nil {
			t.Fatal(err)
		}
		for origin, want := range map[string]bool{"https://new.example": true, "https://pool.example": false} {
			for _, app := range []string{"", p.AppID} {
				if got, err := h.Signin.OriginAllowed(ctx, "", app, origin); err != nil || got != want {
					t.Errorf("%s of %q: %v, %v", origin, app, got, err)
				}
			}
		}
		// What was said before holds no more once it is changed.
		update(p, second.ID, func(s *signin.AppSettings) { s.RedirectURIs = []string{"https://moved.example/"} })
		for origin, want := range map[string]bool{"https://second.example": false, "https://moved.example": true} {
			for _, app := range []string{"", second.ID} {
				if got, err := h.Signin.OriginAllowed(ctx, "", app, origin); err != nil || got != want {
					t.Errorf("after the change, %s of %q: %v, %v", origin, app, got, err)
				}
			}
		}
	})
}

// Pages of one's own machine may use a server in development, and no other.
func TestOriginAllowedInDevelopment(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, _, _ testhall.Pool) { developmentOrigins(t, h) })
}

func developmentOrigins(t *testing.T, h *testhall.Hall) {
	dev := signin.New(signin.Options{DB: h.DB, Log: h.Log, Directory: h.Directory, Access: h.Access, Master: h.Master, BaseURL: testhall.BaseURL, Development: true})
	for origin, want := range map[string]bool{"http://localhost:3000": true, "https://localhost": true, "http://127.0.0.1:5173": true, "http://[::1]:80": true,
		"http://a.localhost:1": true, "http://localhost.evil.example": false, "http://127.0.0.1.evil.example": false, "http://10.0.0.1": false} {
		if got, err := dev.OriginAllowed(t.Context(), "", "", origin); err != nil || got != want {
			t.Errorf("%s: %v, %v", origin, got, err)
		}
	}
}

// Whoever asks too often whether accounts exist is told no more, and others still are.
func TestAccountKnown(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		if _, err := h.Directory.CreateUser(p.As(t.Context()), p.ID, directory.NewUser{UserInput: directory.UserInput{Username: new("ann"), Email: new("Ann@Example.com")}}); err != nil {
			t.Fatal(err)
		}
		ask := func(ip, pool string, who directory.Principals) string {
			t.Helper()
			known, err := h.Signin.AccountKnown(caller.With(t.Context(), &caller.Caller{PoolID: pool, ClientIP: ip}), pool, who)
			if err != nil {
				return code(err)
			}
			if known {
				return "yes"
			}
			return "no"
		}
		for _, c := range []struct {
			name, pool string
			who        directory.Principals
			want       string
		}{
			{"a name", p.ID, directory.Principals{Username: "ann"}, "yes"},
			{"an address", p.ID, directory.Principals{Email: "ann@example.com"}, "yes"},
			{"nobody", p.ID, directory.Principals{Username: "bob"}, "no"},
			{"no name", p.ID, directory.Principals{Username: "a\x00"}, "no"},
			{"another pool", other.ID, directory.Principals{Username: "ann"}, "no"},
		} {
			if got := ask("192.0.2.1", c.pool, c.who); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
		}
		began, refused := time.Now(), 0
		for range 100 {
			if ask("2001:db8::1", p.ID, directory.Principals{Username: "ann"}) == "lookups_too_many" {
				refused++
			}
		}
		if most := 40; refused > most || refused < most-1-int(time.Since(began)/time.Second) {
			t.Errorf("of 100, %d were refused", refused)
		}
		if time.Since(began) < time.Second {
			if got := ask("2001:db8::2", p.ID, directory.Principals{Username: "ann"}); got != "lookups_too_many" {
				t.Errorf("the neighbour in the same network: %s", got)
			}
		}
		if got := ask("2001:db8:0:1::1", p.ID, directory.Principals{Username: "ann"}); got != "yes" {
			t.Errorf("another network: %s", got)
		}
	})
}

// Another server over the same database follows.
func TestOriginsOnAnotherServer(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		if h.DB.Local() {
			return
		}
		there := h.Again(t)
		const origin = "https://late.example"
		allowed := func() bool {
			got, err := there.Signin.OriginAllowed(t.Context(), "", "", origin)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		if allowed() {
			t.Fatal("allowed before it was said")
		}
		if _, err := h.Signin.CreateApplication(p.As(t.Context()), p.ID, signin.NewApplication{Name: "late", Settings: signin.AppSettings{AllowedOrigins: []string{origin}}}); err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); !allowed(); time.Sleep(20 * time.Millisecond) {
			if time.Since(began) > 10*time.Second {
				t.Fatal("the other server does not learn of it")
			}
		}
	})
}
