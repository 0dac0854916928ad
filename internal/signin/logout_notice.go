package signin

import (
	"context"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// Applications with a back-channel logout URI are told when a session that signed somebody in to them ends (OpenID Connect
// Back-Channel Logout 1.0). The notice is written in the transaction that ends the session and delivered afterwards, so that none is
// lost and no request waits for a stranger's server.

// LogoutNotice is a logout that an application has to be told of.
type LogoutNotice struct {
	PoolID    string `db:"pool_id"`
	ID        string `db:"id"`
	AppID     string `db:"app_id"`
	UserID    string `db:"user_id"`
	SessionID string `db:"session_id"`
	Tries     int64  `db:"tries"`
	DueAt     int64  `db:"due_at"`
	CreatedAt int64  `db:"created_at"`
}

const (
	mostLogoutTries = 6
	logoutLease     = time.Minute // how long one server may take to deliver what it has taken
	logoutTokenLife = 2 * time.Minute
	// mostLogoutNotices of a pool may wait; more are dropped: a directory that signs out everybody must not fill the disk.
	mostLogoutNotices = 100_000
)

// notifyLogout writes, in the transaction of ctx, a notice for each application that wants to know and has tokens of these sessions.
func (s *Signin) notifyLogout(ctx context.Context, poolID string, ended []Session) error {
	if len(ended) == 0 {
		return nil
	}
	ids := make([]string, len(ended))
	for i := range ended {
		ids[i] = ended[i].ID
	}
	return s.notifyFamilies(ctx, poolID, "session_id in (?...)", ids)
}

// notifyAppLogout is notifyLogout for a user who is signed out of applications while the session lives on.
func (s *Signin) notifyAppLogout(ctx context.Context, poolID, userID string, appIDs []string) error {
	return s.notifyFamilies(ctx, poolID, "user_id = ? and app_id in (?...) and session_id <> ''", userID, appIDs)
}

// notifyFamilies writes the notices for the standing families that match: one for each application and session, however many there are.
func (s *Signin) notifyFamilies(ctx context.Context, poolID, condition string, args ...any) error {
	families, err := db.List[Family](ctx, s.db, selectFamily+condition+" and kind = ? and revoked_at = 0 order by id limit 10000",
		append(append([]any{poolID}, args...), FamilyOIDC)...)
	if err != nil {
		return err
	}
	type pair struct{ app, session string }
	told := map[pair]bool{}
	now := s.db.Now()
	var notices []LogoutNotice
	for _, f := range families {
		p := pair{f.AppID, f.SessionID}
		if told[p] {
			continue
		}
		told[p] = true
		app, err := s.Application(ctx, f.AppID)
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		if app.PoolID != poolID || app.Settings.BackchannelLogoutURI == "" {
			continue
		}
		notices = append(notices, LogoutNotice{PoolID: poolID, ID: s.db.NewID(), AppID: f.AppID, UserID: f.UserID, SessionID: f.SessionID, DueAt: now, CreatedAt: now})
	}
	if len(notices) == 0 {
		return nil
	}
	waiting, err := db.One[int64](ctx, s.db, "select count(*) from (select id from logout_notices where pool_id = ? limit ?) as waiting", poolID, mostLogoutNotices)
	if err != nil || waiting >= mostLogoutNotices {
		return err
	}
	return db.InsertAll(ctx, s.db, "logout_notices", notices)
}

// TakeLogoutNotices gives at most limit notices that are due to the caller, who has a minute to deliver each; nobody else gets them
// meanwhile. It is the deliverer's verb, over all pools.
func (s *Signin) TakeLogoutNotices(ctx context.Context, limit int) ([]LogoutNotice, error) {
	now := s.db.Now()
	due, err := db.List[LogoutNotice](ctx, s.db, "select "+db.Columns[LogoutNotice]()+
		" from logout_notices where due_at <= ? and pool_id <> '' order by due_at limit ?", now, limit)
	if err != nil {
		return nil, err
	}
	taken := due[:0]
	for _, n := range due {
		var got int64
		err := s.db.Tx(ctx, func(ctx context.Context) error {
			var err error
			got, err = db.Exec(ctx, s.db, "update logout_notices set due_at = ?, tries = tries + 1 where pool_id = ? and id = ? and due_at = ?",
				now+logoutLease.Milliseconds(), n.PoolID, n.ID, n.DueAt)
			return err
		})
		if err != nil {
			return taken, err
		}
		if got == 1 {
			n.Tries++
			taken = append(taken, n)
		}
	}
	return taken, nil
}

// LogoutDelivered ends a taken notice, or puts it off after a failure: five times, each time longer, then it is given up.
func (s *Signin) LogoutDelivered(ctx context.Context, n LogoutNotice, delivered bool) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		if delivered || n.Tries >= mostLogoutTries {
			_, err := db.Exec(ctx, s.db, "delete from logout_notices where pool_id = ? and id = ?", n.PoolID, n.ID)
			return err
		}
		_, err := db.Exec(ctx, s.db, "update logout_notices set due_at = ? where pool_id = ? and id = ?",
			s.db.Now()+(5*time.Second<<(2*n.Tries)).Milliseconds(), n.PoolID, n.ID)
		return err
	})
}

// LogoutToken is the application and the token that tells it of a logout (Back-Channel Logout 1.0, 2.4): signed as its id tokens are, with
// a type of its own, and without a nonce, so that it never passes for one. ErrApplicationNotFound when nobody is to be told any more.
func (s *Signin) LogoutToken(ctx context.Context, n LogoutNotice) (*Application, string, error) {
	app, err := s.Application(ctx, n.AppID)
	if err != nil {
		return nil, "", err
	}
	if app.PoolID != n.PoolID || app.Settings.BackchannelLogoutURI == "" {
		return nil, "", ErrApplicationNotFound
	}
	now := time.UnixMilli(s.db.Now())
	claims := struct {
		jwt.Claims
		SessionID string                    `json:"sid"`
		Events    map[string]map[string]any `json:"events"`
	}{
		Claims: jwt.Claims{Issuer: s.issuer, Subject: n.UserID, Audience: jwt.Audience{app.ID}, ID: secret.Random(16),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(logoutTokenLife))},
		SessionID: n.SessionID,
		Events:    map[string]map[string]any{"http://schemas.openid.net/event/backchannel-logout": {}},
	}
	token, err := s.signWith(ctx, app, app.Settings.IDTokenAlg, "logout+jwt", claims)
	return app, token, err
}
