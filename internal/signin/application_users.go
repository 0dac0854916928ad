package signin

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// AppUser says how a user has used an application. Times are unix milliseconds.
type AppUser struct {
	AppID   string `db:"app_id"`
	UserID  string `db:"user_id"`
	Logins  int64  `db:"logins"`
	FirstAt int64  `db:"first_at"`
	LastAt  int64  `db:"last_at"`
}

// noteAppUser counts a sign-in of a user to an application. It belongs to the transaction of the sign-in.
func (s *Signin) noteAppUser(ctx context.Context, poolID, appID, userID string) error {
	if appID == "" || userID == "" {
		return nil
	}
	now := s.db.Now()
	_, err := db.Exec(ctx, s.db, `insert into application_users (pool_id, app_id, user_id, logins, first_at, last_at) values (?, ?, ?, 1, ?, ?)
		on conflict (pool_id, app_id, user_id) do update set logins = application_users.logins + 1, last_at = excluded.last_at`,
		poolID, appID, userID, now, now)
	return err
}

// ActiveUsers returns a page of those who have signed in to an application, the latest first, and how many they are. An application
// that the pool does not have is ErrApplicationNotFound.
func (s *Signin) ActiveUsers(ctx context.Context, poolID, appID string, p directory.Page) ([]AppUser, int64, error) {
	if _, err := s.PoolApplication(ctx, poolID, appID); err != nil {
		return nil, 0, err
	}
	total, err := db.One[int64](ctx, s.db, "select count(*) from application_users where pool_id = ? and app_id = ?", poolID, appID)
	if err != nil || total == 0 {
		return nil, 0, err
	}
	page, limit := int64(max(p.Page, 1)), int64(max(p.Limit, 1))
	list, err := db.List[AppUser](ctx, s.db, "select "+db.Columns[AppUser]()+
		" from application_users where pool_id = ? and app_id = ? order by last_at desc, user_id desc limit ? offset ?", poolID, appID, limit, (page-1)*limit)
	return list, total, err
}

// mostUsedApplications is how many of a user's applications a list shows.
const mostUsedApplications = 200

// UsedApplications returns the applications that a user has signed in to, the latest first, at most 200.
func (s *Signin) UsedApplications(ctx context.Context, poolID, userID string) ([]AppUser, error) {
	return db.List[AppUser](ctx, s.db, "select "+db.Columns[AppUser]()+
		" from application_users where pool_id = ? and user_id = ? order by last_at desc, app_id limit ?", poolID, userID, mostUsedApplications)
}
