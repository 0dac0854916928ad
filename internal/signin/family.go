package signin

import (
	"context"
	"errors"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// Kinds of token families: by which wire their tokens were asked for.
const (
	FamilyOIDC  = "oidc"
	FamilyOAuth = "oauth"
	FamilyV2    = "v2"
)

// Family is all tokens that come from one sign-in to one application: they stand and fall together (RFC 9700, 4.14.2).
type Family struct {
	PoolID    string   `db:"pool_id"`
	ID        string   `db:"id"`
	AppID     string   `db:"app_id"`
	UserID    string   `db:"user_id"`
	SessionID string   `db:"session_id"`
	Kind      string   `db:"kind"`
	Scope     []string `db:"scope,json"`
	Offline   bool     `db:"offline"`
	AuthTime  int64    `db:"auth_time"` // unix milliseconds
	Nonce     string   `db:"nonce"`
	AMR       []string `db:"amr,json"`
	ClientIP  string   `db:"client_ip"`
	UserAgent string   `db:"user_agent"`
	CreatedAt int64    `db:"created_at"`
	UsedAt    int64    `db:"used_at"`
	ExpiresAt int64    `db:"expires_at"`
	RevokedAt int64    `db:"revoked_at"`
}

var selectFamily = "select " + db.Columns[Family]() + " from token_families where pool_id = ? and "

// newFamily makes a family in the transaction of ctx. What it comes from is held until then, so that an ending of it on any server comes
// before, and there is no family, or after, and finds it: ErrNoSession, ErrUserShut.
func (s *Signin) newFamily(ctx context.Context, f *Family) error {
	if err := s.holdOrigin(ctx, f); err != nil {
		return err
	}
	c := caller.From(ctx)
	f.CreatedAt = s.db.Now()
	f.UsedAt, f.ClientIP, f.UserAgent = f.CreatedAt, c.ClientIP, cut(c.UserAgent, longestAgent)
	if f.ID == "" {
		f.ID = s.db.NewID()
	}
	if f.Scope == nil {
		f.Scope = []string{}
	}
	if f.AMR == nil {
		f.AMR = []string{}
	}
	if err := db.Insert(ctx, s.db, "token_families", f); err != nil {
		return err
	}
	return s.noteAppUser(ctx, f.PoolID, f.AppID, f.UserID)
}

// holdOrigin holds the row of the session that a new family comes from, or of its user where there is none.
func (s *Signin) holdOrigin(ctx context.Context, f *Family) error {
	if f.SessionID != "" {
		_, err := db.One[string](ctx, s.db, "select id from sessions where pool_id = ? and id = ? for update", f.PoolID, f.SessionID)
		if errors.Is(err, db.NoRow) {
			return ErrNoSession
		}
		return err
	}
	u, err := s.dir.UserForUpdate(ctx, f.PoolID, f.UserID)
	if err == nil && !letIn(u, s.db.Now()) {
		err = ErrUserShut
	}
	return err
}

// family returns a standing family, or ErrTokenInvalid.
func (s *Signin) family(ctx context.Context, poolID, id string) (*Family, error) {
	f, err := db.One[Family](ctx, s.db, selectFamily+"id = ?", poolID, id)
	switch {
	case errors.Is(err, db.NoRow):
		return nil, ErrTokenInvalid
	case err != nil:
		return nil, err
	case f.RevokedAt != 0, f.ExpiresAt <= s.db.Now():
		return nil, ErrTokenInvalid
	}
	return &f, nil
}

// standing finds a family, by pool, identifier and the present time, that stands and whose user has proven who they are since their tokens
// were called in: what every look at a token asks, beside the user's row.
const standing = "token_families where pool_id = ? and id = ? and revoked_at = 0 and expires_at > ? and auth_time > coalesce(users.tokens_after, 0)"

// EndFamily calls in all tokens of a family. One that is over already is no error.
func (s *Signin) EndFamily(ctx context.Context, poolID, id string) error {
	return s.db.Tx(ctx, func(ctx context.Context) error { return s.endFamilies(ctx, poolID, "id = ?", id) })
}

func (s *Signin) endFamilies(ctx context.Context, poolID, condition string, args ...any) error {
	_, err := db.Exec(ctx, s.db, "update token_families set revoked_at = ? where pool_id = ? and revoked_at = 0 and "+condition,
		append([]any{s.db.Now(), poolID}, args...)...)
	return err
}

// Families returns the user's standing token families, the newest first, at most 200.
func (s *Signin) Families(ctx context.Context, poolID, userID string) ([]Family, error) {
	u, err := s.dir.User(ctx, poolID, directory.ByID(userID))
	if err != nil {
		return nil, err
	}
	return db.List[Family](ctx, s.db, selectFamily+"user_id = ? and revoked_at = 0 and expires_at > ? and auth_time > ? order by id desc limit ?",
		poolID, userID, s.db.Now(), u.TokensAfter, mostSessions)
}
