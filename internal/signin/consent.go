package signin

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
)

// Consent returns the scopes that the user has agreed that the application may have; none is no error.
func (s *Signin) Consent(ctx context.Context, poolID, userID, appID string) ([]string, error) {
	scope, err := db.One[string](ctx, s.db, "select scope from consents where pool_id = ? and user_id = ? and app_id = ?", poolID, userID, appID)
	if errors.Is(err, db.NoRow) {
		return nil, nil
	}
	return strings.Fields(scope), err
}

// RememberConsent adds scopes to those that the user has agreed to.
func (s *Signin) RememberConsent(ctx context.Context, poolID, userID, appID string, scope []string) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		had, err := s.Consent(ctx, poolID, userID, appID)
		if err != nil {
			return err
		}
		all := slices.Clone(had)
		for _, word := range scope {
			if !slices.Contains(all, word) {
				all = append(all, word)
			}
		}
		if len(all) == len(had) {
			return nil
		}
		now := s.db.Now()
		if _, err := db.Exec(ctx, s.db, `insert into consents (pool_id, user_id, app_id, scope, created_at, updated_at) values (?, ?, ?, ?, ?, ?)
			on conflict (pool_id, user_id, app_id) do update set scope = excluded.scope, updated_at = excluded.updated_at`,
			poolID, userID, appID, strings.Join(all, " "), now, now); err != nil {
			return err
		}
		return s.log.Add(ctx, poolID, audit.Event{Operation: audit.Add, Resource: audit.AppRes, TargetID: appID, UserID: userID,
			After: map[string]any{"consent": strings.Join(scope, " ")}})
	})
}
