package signin

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// scopeNone is the scope of an access token that was granted none: no scope is called so.
const scopeNone = "-"

// Bearer resolves who speaks with a token, management or user's, on top of what base already says of the request. The pool
// is the token's, whatever the request names. ErrTokenInvalid for a token that is neither.
func (s *Signin) Bearer(ctx context.Context, base *caller.Caller, token string) (*caller.Caller, error) {
	c := *base
	if s.looksManagement(token) {
		k, err := s.ManagementKey(ctx, token)
		if err != nil {
			return nil, err
		}
		speakFor(&c, k)
		return &c, nil
	}
	claims, u, err := s.User(ctx, token)
	if err != nil {
		return nil, err
	}
	c.Kind, c.PoolID, c.UserID = caller.User, u.PoolID, u.ID
	c.SessionID, c.Scope = claims.SessionID, claims.Scope
	if len(claims.Audience) > 0 {
		c.AppID = claims.Audience[0]
	}
	if claims.Use == useAccess && c.Scope == "" {
		c.Scope = scopeNone // an empty one is a V2 token's, which may all
	}
	if c.Limited, err = s.limited(ctx, claims); err != nil {
		return nil, err
	}
	return &c, nil
}

// limited reports whether a user's token is one that they have let a stranger's application have: an access token of an application that
// asks its users for consent, or whose application is gone. A V2 token is the user's own: nobody is asked for consent on its wire.
func (s *Signin) limited(ctx context.Context, claims *UserClaims) (bool, error) {
	if claims.Use != useAccess {
		return false, nil
	}
	if len(claims.Audience) != 1 {
		return true, nil
	}
	app, err := s.Application(ctx, claims.Audience[0])
	if fault.KindOf(err) == fault.NotFound {
		return true, nil
	}
	return err != nil || app.NeedsConsent(), err
}

// speakFor makes c the access key k.
func speakFor(c *caller.Caller, k *directory.AccessKey) {
	c.Kind, c.PoolID, c.KeyID, c.UserID = caller.Key, k.PoolID, k.ID, k.OwnerID
	if k.TenantID != "" {
		c.TenantID = k.TenantID
	}
}

// Key is the caller that an authenticated access key makes of base: the signature or the secret has been checked.
func Key(base *caller.Caller, k *directory.AccessKey) *caller.Caller {
	c := *base
	speakFor(&c, k)
	return &c
}

// PoolOf finds the pool that an unauthenticated request means: the one it names, else that of the application it names, else the
// default one. ErrPoolNotFound when a name is given that is none, or there is no pool yet.
func (s *Signin) PoolOf(ctx context.Context, poolID, appID string) (*directory.Pool, error) {
	if poolID != "" {
		return s.dir.Pool(ctx, poolID)
	}
	if appID != "" {
		a, err := s.Application(ctx, appID)
		if fault.KindOf(err) == fault.NotFound {
			return nil, directory.ErrPoolNotFound
		}
		if err != nil {
			return nil, err
		}
		return s.dir.Pool(ctx, a.PoolID)
	}
	return s.dir.DefaultPool(ctx)
}
