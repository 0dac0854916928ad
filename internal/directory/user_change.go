package directory

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/db"
)

// userChange is a user before and after a write; nil where there is none. When custom values alone change, both are the same.
type userChange struct{ before, after *User }

// usersChanged brings up to date what is derived from users, inside the transaction that wrote them and their custom values. Every
// verb that writes users calls it once, last.
func (d *Directory) usersChanged(ctx context.Context, poolID string, changes []userChange) error {
	if len(changes) == 0 {
		return nil
	}
	ids := make([]string, len(changes))
	for i, c := range changes {
		if c.after != nil {
			ids[i] = c.after.ID
		} else {
			ids[i] = c.before.ID
		}
	}
	if err := d.db.Publish(ctx, poolID, usersTopic, ids...); err != nil {
		return err
	}
	return d.regroup(ctx, poolID, changes)
}

// usersTouched is usersChanged for those whose rows another statement has written.
func (d *Directory) usersTouched(ctx context.Context, poolID string, ids []string) error {
	users, err := db.List[User](ctx, d.db, selectUser+"id in (?...) order by id limit ?", poolID, ids, len(ids))
	if err != nil {
		return err
	}
	changes := make([]userChange, len(users))
	for i := range users {
		changes[i] = userChange{&users[i], &users[i]}
	}
	return d.usersChanged(ctx, poolID, changes)
}
