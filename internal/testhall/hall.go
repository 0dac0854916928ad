package testhall

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/notify"
	"github.com/guildhall-id/guildhall/internal/secret"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// BaseURL is where the halls of tests claim to stand.
const BaseURL = "http://guildhall.test"

// Hall is the domain over one database.
type Hall struct {
	DB        *db.DB
	Log       *audit.Log
	Master    *secret.Master
	Directory *directory.Directory
	Access    *access.Access
	Signin    *signin.Signin
	Notify    *notify.Notify // sends when a test says Deliver, into Inbox
	Inbox     *notify.Inbox

	rsa *rsaKeys
}

// New builds the domain over d, with password hashes that cost little and RSA keys that other halls of the process have too: no two
// pools of one hall share a key.
func New(t testing.TB, d *db.DB) *Hall {
	t.Helper()
	master, _, err := secret.LoadMaster(filepath.Join(t.TempDir(), "master.key"), "")
	if err != nil {
		t.Fatal(err)
	}
	return build(t, d, master, new(rsaKeys))
}

// Again builds the domain once more over the same PostgreSQL, as a second server does.
func (h *Hall) Again(t testing.TB) *Hall {
	t.Helper()
	return build(t, Again(t, h.DB), h.Master, h.rsa)
}

func build(t testing.TB, d *db.DB, master *secret.Master, keys *rsaKeys) *Hall {
	t.Helper()
	hasher, err := secret.NewHasher(secret.Cost{Memory: 64, Time: 1})
	if err != nil {
		t.Fatal(err)
	}
	h := &Hall{DB: d, Log: audit.New(d), Master: master, rsa: keys}
	h.Directory = directory.New(directory.Options{DB: d, Log: h.Log, Master: master, Hasher: hasher, NewRSA: keys.next})
	h.Access = access.New(d, h.Log, h.Directory)
	h.Inbox = notify.NewInbox(nil)
	h.Notify = notify.New(notify.Options{DB: d, Log: h.Log, Master: master, SMSSettings: h.Directory.SMSProvider, Inbox: h.Inbox})
	h.Signin = signin.New(signin.Options{DB: d, Log: h.Log, Directory: h.Directory, Access: h.Access, Master: master, BaseURL: BaseURL, Notify: h.Notify})
	return h
}

// Mail sends what is due and returns the newest message to an address: a mail address in lower case, or a phone number as
// +<country><number>.
func (h *Hall) Mail(t testing.TB, to string) notify.Caught {
	t.Helper()
	for {
		if n, err := h.Notify.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		} else if n == 0 {
			break
		}
	}
	list := h.Inbox.Messages(to)
	if len(list) == 0 {
		t.Fatalf("nothing was sent to %s", to)
	}
	return list[0]
}

// Pool is a pool with what a client needs to reach it.
type Pool struct {
	ID, Secret       string
	AppID, AppSecret string
	KeyID, KeySecret string
	AdminID          string
}

// Pool makes a pool with an application and an access key.
func (h *Hall) Pool(t testing.TB, name string) Pool {
	t.Helper()
	var out Pool
	ctx := caller.With(context.Background(), &caller.Caller{Kind: caller.System})
	p, a, err := h.Directory.CreatePool(ctx, name, func(ctx context.Context, p *directory.Pool, a *directory.Administrator) error {
		if err := h.Access.EnsureNamespace(ctx, p.ID, "default", "default"); err != nil {
			return err
		}
		app, err := h.Signin.CreateApplication(ctx, p.ID, signin.NewApplication{Name: name})
		if err != nil {
			return err
		}
		key, err := h.Directory.CreateKey(ctx, p.ID, directory.NewKey{Kind: "userpool", OwnerID: a.ID})
		if err != nil {
			return err
		}
		out.AppID, out.AppSecret, out.KeyID, out.KeySecret = app.ID, app.Secret, key.ID, key.Secret
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	out.ID, out.Secret, out.AdminID = p.ID, p.Secret, a.ID
	return out
}

// As is ctx with a caller who holds the pool's access key.
func (p Pool) As(ctx context.Context) context.Context {
	return caller.With(ctx, &caller.Caller{Kind: caller.Key, PoolID: p.ID, KeyID: p.KeyID, UserID: p.AdminID, ClientIP: "192.0.2.1", RequestID: "test"})
}
