package signin

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Session is a user's sign-in in one browser or client. Times are unix milliseconds.
type Session struct {
	PoolID    string   `db:"pool_id"`
	ID        string   `db:"id"`
	UserID    string   `db:"user_id"`
	AppID     string   `db:"app_id"` // where it began
	Hash      string   `db:"hash"`   // of the cookie's secret half
	AMR       []string `db:"amr,json"`
	DeviceID  string   `db:"device_id"`
	AuthTime  int64    `db:"auth_time"` // when the user last proved who they are
	CreatedAt int64    `db:"created_at"`
	SeenAt    int64    `db:"seen_at"` // at most five minutes late
	IdleLife  int64    `db:"idle_life"`
	ExpiresAt int64    `db:"expires_at"`
	ClientIP  string   `db:"client_ip"`
	UserAgent string   `db:"user_agent"`
}

// ErrNoSession says that a cookie names no live session.
var ErrNoSession = fault.New(fault.Unauthenticated, "session_none")

const (
	seenEvery    = 5 * 60 * 1000 // milliseconds
	mostSessions = 200           // of one user that a list shows
	longestAgent = 512
)

var selectSession = "select " + db.Columns[Session]() + " from sessions where pool_id = ? and "

// live reports that neither of the session's lives is over.
func (x *Session) live(now int64) bool { return now < x.ExpiresAt && now-x.SeenAt < x.IdleLife }

// newSession makes a session in the transaction of ctx and returns the text of its cookie. A browser that was signed in as the same
// user keeps its session under a new secret, so that what other applications were given stays; another user's session ends.
func (s *Signin) newSession(ctx context.Context, app *Application, u *directory.User, p *Policy, proof Proof) (*Session, string, error) {
	c, now, secret := caller.From(ctx), s.db.Now(), newSecret()
	old, err := s.sessionOf(ctx, app.PoolID, proof.Cookie)
	if err != nil && !errors.Is(err, ErrNoSession) {
		return nil, "", err
	}
	if old != nil && old.UserID != u.ID {
		if err := s.EndSession(ctx, app.PoolID, old.ID); err != nil {
			return nil, "", err
		}
		old = nil
	}
	x := &Session{PoolID: app.PoolID, ID: s.db.NewID(), UserID: u.ID, AppID: app.ID, CreatedAt: now}
	if old != nil && now < old.ExpiresAt && old.AuthTime > u.TokensAfter {
		x.ID, x.AppID, x.CreatedAt = old.ID, old.AppID, old.CreatedAt
	} else {
		old = nil
	}
	x.Hash, x.AMR, x.DeviceID, x.AuthTime, x.SeenAt = hashOf(secret), proof.AMR, deviceID(proof.Device), now, now
	x.IdleLife, x.ExpiresAt = p.SessionIdle*1000, now+p.SessionLife*1000
	x.ClientIP, x.UserAgent = c.ClientIP, cut(c.UserAgent, longestAgent)
	if old != nil {
		changes, err := db.Diff(old, x)
		if err != nil {
			return nil, "", err
		}
		return x, x.ID + secret, db.Update(ctx, s.db, "sessions", changes, "pool_id = ? and id = ?", x.PoolID, x.ID)
	}
	return x, x.ID + secret, db.Insert(ctx, s.db, "sessions", x)
}

// cut is text, at most n bytes of it, still whole characters.
func cut(text string, n int) string {
	if len(text) > n {
		text = strings.ToValidUTF8(text[:n], "")
	}
	return text
}

// sessionOf is the session that a cookie's text names, live or not; ErrNoSession when the secret half is not its own.
func (s *Signin) sessionOf(ctx context.Context, poolID, cookie string) (*Session, error) {
	if len(cookie) != idLength+secretLength || !db.IsID(cookie[:idLength]) {
		return nil, ErrNoSession
	}
	x, err := s.Session(ctx, poolID, cookie[:idLength])
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(x.Hash), []byte(hashOf(cookie[idLength:]))) != 1 {
		return nil, ErrNoSession
	}
	return x, nil
}

// SessionByCookie returns the live session whose cookie a browser has shown, and its user, who may still get in. ErrNoSession
// otherwise. It notes that the session has been seen.
func (s *Signin) SessionByCookie(ctx context.Context, poolID, cookie string) (*Session, *directory.User, error) {
	x, err := s.sessionOf(ctx, poolID, cookie)
	if err != nil {
		return nil, nil, err
	}
	u, err := s.sessionUser(ctx, x)
	if err != nil {
		return nil, nil, err
	}
	if now := s.db.Now(); now-x.SeenAt >= seenEvery {
		x.SeenAt = now
		err = s.db.Tx(ctx, func(ctx context.Context) error {
			_, err := db.Exec(ctx, s.db, "update sessions set seen_at = ? where pool_id = ? and id = ?", now, poolID, x.ID)
			return err
		})
	}
	return x, u, err
}

// sessionUser is the user of a session, if it still holds.
func (s *Signin) sessionUser(ctx context.Context, x *Session) (*directory.User, error) {
	if !x.live(s.db.Now()) {
		return nil, ErrNoSession
	}
	u, err := s.dir.User(ctx, x.PoolID, directory.ByID(x.UserID))
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return nil, ErrNoSession
	case err != nil:
		return nil, err
	case !letIn(u, s.db.Now()), x.AuthTime <= u.TokensAfter:
		return nil, ErrNoSession
	}
	return u, nil
}

// letIn reports whether the state of an account lets its user in.
func letIn(u *directory.User, now int64) bool {
	return u.Status == directory.Activated && !u.IsDeleted && (u.ExpiredAt == 0 || now < u.ExpiredAt)
}

// Session returns a session by its identifier, live or not, or ErrNoSession.
func (s *Signin) Session(ctx context.Context, poolID, id string) (*Session, error) {
	x, err := db.One[Session](ctx, s.db, selectSession+"id = ?", poolID, id)
	if errors.Is(err, db.NoRow) {
		return nil, ErrNoSession
	}
	return &x, err
}

// Sessions returns the user's live sessions, the newest first, at most 200.
func (s *Signin) Sessions(ctx context.Context, poolID, userID string) ([]Session, error) {
	now := s.db.Now()
	u, err := s.dir.User(ctx, poolID, directory.ByID(userID))
	if err != nil {
		return nil, err
	}
	list, err := db.List[Session](ctx, s.db, selectSession+"user_id = ? and expires_at > ? and auth_time > ? order by id desc limit ?",
		poolID, userID, now, u.TokensAfter, mostSessions)
	return slices.DeleteFunc(list, func(x Session) bool { return !x.live(now) }), err
}

// EndSession ends a session and the tokens that came of it, but for those that were asked for to outlive it, and tells the
// applications that want to know. A session that is over already is no error.
func (s *Signin) EndSession(ctx context.Context, poolID, id string) error {
	return s.endSessions(ctx, poolID, "id = ?", []any{id}, false)
}

// EndSessions ends all of a user's sessions and token families but the session except, which may be empty.
func (s *Signin) EndSessions(ctx context.Context, poolID, userID, except string) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.endSessions(ctx, poolID, "user_id = ? and id <> ?", []any{userID, except}, true); err != nil {
			return err
		}
		return s.endFamilies(ctx, poolID, "user_id = ? and (session_id <> ? or ? = '')", userID, except, except)
	})
}

// EndAppSessions signs a user out of applications: the sessions that began there and all tokens for them end.
func (s *Signin) EndAppSessions(ctx context.Context, poolID, userID string, appIDs []string) error {
	if len(appIDs) == 0 {
		return nil
	}
	return s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.endSessions(ctx, poolID, "user_id = ? and app_id in (?...)", []any{userID, appIDs}, true); err != nil {
			return err
		}
		if err := s.notifyAppLogout(ctx, poolID, userID, appIDs); err != nil {
			return err
		}
		return s.endFamilies(ctx, poolID, "user_id = ? and app_id in (?...)", userID, appIDs)
	})
}

// mostEnded is how many sessions one statement ends; a user has never so many.
const mostEnded = 10_000

func (s *Signin) endSessions(ctx context.Context, poolID, condition string, args []any, offlineToo bool) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		list, err := db.List[Session](ctx, s.db, selectSession+condition+" order by id limit ? for update", append(append([]any{poolID}, args...), mostEnded)...)
		if err != nil || len(list) == 0 {
			return err
		}
		ids := make([]string, len(list))
		for i := range list {
			ids[i] = list[i].ID
		}
		which := "session_id in (?...)"
		if !offlineToo {
			which += " and not offline"
		}
		if err := s.notifyLogout(ctx, poolID, list); err != nil {
			return err
		}
		if err := s.endFamilies(ctx, poolID, which, ids); err != nil {
			return err
		}
		if _, err := db.Exec(ctx, s.db, "delete from sessions where pool_id = ? and id in (?...)", poolID, ids); err != nil {
			return err
		}
		for _, x := range list {
			if err := s.log.Add(ctx, poolID, audit.Event{Operation: audit.Delete, Resource: audit.UserLogin, TargetID: x.UserID, UserID: x.UserID,
				UserEvent: "logout", Before: map[string]any{"session": x.ID, "app": x.AppID}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// SweepSignIn deletes what is over: tickets a day after their end (until then a second use is told from a foreign text), sessions and
// token families. It returns how many rows went; the server calls it now and then until there are none.
func (s *Signin) SweepSignIn(ctx context.Context) (int64, error) {
	const batch = 1000
	now := s.db.Now()
	day := int64(24 * 60 * 60 * 1000)
	var gone int64
	for _, table := range []struct {
		name, key string
		before    int64
	}{{"tickets", "hash", now - day}, {"sessions", "id", now}, {"token_families", "id", now - day}, {"remembered_devices", "id", now}} {
		err := s.db.Tx(ctx, func(ctx context.Context) error {
			n, err := db.Exec(ctx, s.db, "delete from "+table.name+" where (pool_id, "+table.key+") in (select pool_id, "+table.key+" from "+table.name+
				" where expires_at < ? order by expires_at limit ?)", table.before, batch)
			gone += n
			return err
		})
		if err != nil {
			return gone, err
		}
	}
	return gone, nil
}
