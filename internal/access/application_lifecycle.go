package access

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/db"
)

// RenameApplication gives the namespace of an application the application's new name. It is part of changing applications, which
// leaves the record.
func (a *Access) RenameApplication(ctx context.Context, poolID, appID, name string) error {
	return a.db.Tx(ctx, func(ctx context.Context) error {
		if _, err := a.lockApplication(ctx, poolID, appID); err != nil {
			return err
		}
		_, err := db.Exec(ctx, a.db, "update namespaces set name = ?, updated_at = ? where pool_id = ? and code = ?", name, a.db.Now(), poolID, appID)
		return err
	})
}

// RemoveApplication removes the namespace of an application with the roles, resources, grants and policies in it, and what is said
// of who may enter it. More than 20,000 things in it are Unprocessable "namespace_too_large". It is part of deleting applications,
// which leaves the record.
func (a *Access) RemoveApplication(ctx context.Context, poolID, appID string) error {
	return a.db.Tx(ctx, func(ctx context.Context) error {
		if _, err := a.namespacesForUpdate(ctx, poolID, []string{appID}); err != nil {
			return err
		}
		if _, err := a.lockApplication(ctx, poolID, appID); err != nil {
			return err
		}
		if err := a.dropNamespaces(ctx, poolID, []string{appID}); err != nil {
			return err
		}
		for _, table := range []string{"application_access", "application_strategies"} {
			if _, err := db.Exec(ctx, a.db, "delete from "+table+" where pool_id = ? and app_id = ?", poolID, appID); err != nil {
				return err
			}
		}
		return a.changed(ctx, poolID)
	})
}
