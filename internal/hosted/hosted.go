// Package hosted is the pages on which people sign in: HTML over the verbs of signin, for browsers. It is a facade beside the wires:
// it translates and never decides.
//
// Every page works without a script, passkeys apart. What a form sends is answered by 303 to a page that is read (POST, redirect,
// GET), so reloading and going back do no harm. What a page has to remember between two requests, its token against forged forms
// included, stands in one sealed cookie; the server keeps nothing.
package hosted

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// Options are what the pages are built from.
type Options struct {
	Signin    *signin.Signin
	Directory *directory.Directory
	Limits    op.Limits // Deadline and Gates; the bound of a body is the pages' own
	BaseURL   string    // where browsers reach the server, without a slash at its end
	Key       []byte    // 32 bytes, the same on all servers of a database: seals the cookie
	Now       func() time.Time
}

// Pages serves the hosted pages.
type Pages struct {
	signin *signin.Signin
	dir    *directory.Directory
	limits op.Limits
	base   string
	secure bool // browsers come by https
	sealer cipher.AEAD
	now    func() time.Time
	guard  *http.CrossOriginProtection
	assets string // path of the assets, with their fingerprint
}

// New builds the pages. It panics when the key is not of 32 bytes: a mistake of the programmer that shows at start-up.
func New(o Options) *Pages {
	block, err := aes.NewCipher(o.Key)
	if err != nil || len(o.Key) != 32 {
		panic(fmt.Sprintf("hosted: the key: %v, %d bytes", err, len(o.Key)))
	}
	sealer, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	p := &Pages{signin: o.Signin, dir: o.Directory, limits: o.Limits, base: o.BaseURL, secure: strings.HasPrefix(o.BaseURL, "https://"),
		sealer: sealer, now: o.Now, guard: http.NewCrossOriginProtection(), assets: "/hosted/" + fingerprint()}
	if u, err := url.Parse(o.BaseURL); err == nil {
		_ = p.guard.AddTrustedOrigin(u.Scheme + "://" + u.Host) // a proxy may have changed the Host that requests come with
	}
	return p
}

// fingerprint changes when an asset does, so that browsers may keep them for ever.
func fingerprint() string {
	h := sha256.New()
	names, err := fs.Glob(assets, "assets/*")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		b, err := assets.ReadFile(name)
		if err != nil {
			panic(err)
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// Mount puts the pages and their assets into a mux.
func (p *Pages) Mount(mux *http.ServeMux) {
	for _, r := range p.routes() {
		if r.get != nil || r.ask != nil {
			mux.Handle("GET "+r.path, p.getHandler(r))
		}
		if r.post != nil || r.json != nil {
			mux.Handle("POST "+r.path, p.postHandler(r))
		}
	}
	mux.HandleFunc("GET "+p.assets+"/{name}", p.asset)
}

// assetTypes are the assets there are.
var assetTypes = map[string]string{"style.css": "text/css; charset=utf-8", "script.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"}

func (p *Pages) asset(w http.ResponseWriter, r *http.Request) {
	kind, ok := assetTypes[r.PathValue("name")]
	b, err := assets.ReadFile("assets/" + r.PathValue("name"))
	if !ok || err != nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write(b)
}
