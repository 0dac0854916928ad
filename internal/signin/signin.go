// Package signin is GETTING IN: applications, and the tokens that say who somebody is. It knows nothing of HTTP.
package signin

import (
	"net/url"
	"strings"
	"sync"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/notify"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// Signin keeps the applications of all pools and issues their tokens.
type Signin struct {
	db        *db.DB
	log       *audit.Log
	dir       *directory.Directory
	access    *access.Access
	master    *secret.Master
	issuer    string
	seen      seenTokens
	apps      appCache
	policies  policyCache
	rings     keyRings
	origins   originIndex
	lookups   addressRates
	pictures  addressRates
	countries func() []Country
	dev       bool
	notify    *notify.Notify
	bounds    PasscodeBounds
	guardKey  []byte
	keyHost   string // of passkeys
}

// Options are what a Signin is built from.
type Options struct {
	DB        *db.DB
	Log       *audit.Log
	Directory *directory.Directory
	Access    *access.Access
	Master    *secret.Master
	// BaseURL is where clients reach the server, without a slash at its end: the issuer is {BaseURL}/oidc.
	BaseURL string
	// Development lets pages of this machine use the server: see OriginAllowed.
	Development bool
	// Notify sends codes and links; nil sends nothing, and whoever asks for one is refused.
	Notify    *notify.Notify
	Passcodes PasscodeBounds
	// PasskeyHost is the host that passkeys are made for: that of BaseURL, which "" stands for, or a domain above it.
	PasskeyHost string
}

// New builds the package.
func New(o Options) *Signin {
	s := &Signin{db: o.DB, log: o.Log, dir: o.Directory, access: o.Access, master: o.Master, issuer: o.BaseURL + "/oidc", dev: o.Development,
		countries: sync.OnceValue(newCountries)}
	s.notify, s.bounds, s.guardKey = o.Notify, o.Passcodes, o.Master.Derive("sign-in guard", 32)
	if s.keyHost = o.PasskeyHost; s.keyHost == "" {
		if base, err := url.Parse(o.BaseURL); err == nil {
			s.keyHost = strings.ToLower(base.Hostname())
		}
	}
	if s.notify == nil {
		s.notify = notify.New(notify.Options{DB: o.DB, Log: o.Log, Master: o.Master})
	}
	o.Directory.OnOpened(s.UnlockUser)
	o.DB.Subscribe(applicationTopic, s.apps.drop)
	o.DB.Subscribe(applicationTopic, s.policies.drop)
	o.DB.Subscribe(applicationTopic, s.seen.drop)
	o.DB.Subscribe(keysTopic, s.seen.drop)
	o.DB.Subscribe(directory.PoolTopic, s.policies.drop)
	o.DB.Subscribe(applicationTopic, s.origins.drop)
	o.DB.Subscribe(directory.PoolTopic, s.origins.drop)
	o.DB.Subscribe(keysTopic, s.rings.drop)
	return s
}
