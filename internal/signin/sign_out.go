package signin

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// SignOut ends what a user's token comes from: its session, with everything that was issued in it, or, for a token without one, the
// token and those issued with it. A token that is worth nothing is no error: whoever holds it is out.
func (s *Signin) SignOut(ctx context.Context, token string) error {
	claims, u, err := s.User(ctx, token)
	if fault.KindOf(err) == fault.Unauthenticated {
		return nil
	}
	if err != nil {
		return err
	}
	// An application of a stranger's signs nobody out of all the others.
	limited, err := s.limited(ctx, claims)
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.EndFamily(ctx, u.PoolID, claims.FamilyID); err != nil {
			return err
		}
		if claims.SessionID != "" && !limited {
			return s.EndSession(ctx, u.PoolID, claims.SessionID)
		}
		return s.log.Add(ctx, u.PoolID, audit.Event{Operation: audit.Delete, Resource: audit.UserLogin, TargetID: u.ID, TargetName: u.DisplayName(),
			UserID: u.ID, UserEvent: "logout"})
	})
}
