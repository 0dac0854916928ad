package signin

import (
	"context"
	"slices"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// SecurityInfo is how well an account is kept.
type SecurityInfo struct {
	PasswordLevel                                   int64 // 0 none or unknown, 1 weak, 2 medium, 3 strong
	PasswordSet, EmailBound, PhoneBound, MFAEnabled bool
	Score                                           int64 // 0 to 100
}

// SecurityInfo returns how well a user's account is kept. The wire names no rule for the score; this is ours: 10 for each step of the
// password's strength, 20 for a bound e-mail address and for a number, 30 for a second factor.
func (s *Signin) SecurityInfo(ctx context.Context, poolID, userID string) (*SecurityInfo, error) {
	u, err := s.dir.User(ctx, poolID, directory.ByID(userID))
	if err != nil {
		return nil, err
	}
	factors, err := s.Factors(ctx, poolID, userID)
	if err != nil {
		return nil, err
	}
	i := &SecurityInfo{PasswordLevel: u.PasswordLevel, PasswordSet: u.Password != "", EmailBound: u.Email != "", PhoneBound: u.Phone != "",
		MFAEnabled: len(factors) > 0}
	i.Score = 10 * i.PasswordLevel
	for _, part := range []struct {
		has   bool
		worth int64
	}{{i.PasswordSet && i.PasswordLevel == 0, 10}, {i.EmailBound, 20}, {i.PhoneBound, 20}, {i.MFAEnabled, 30}} {
		if part.has {
			i.Score += part.worth
		}
	}
	return i, nil
}

// LoginFilter selects from a login history; zero fields select everything. Times are unix milliseconds, inclusive.
type LoginFilter struct {
	AppID, ClientIP string
	Success         *bool
	Start, End      int64
}

// LoginRecord is one sign-in, or one try at it.
type LoginRecord struct {
	UserID, AppID, AppName, ClientIP, UserAgent string
	Method                                      string // how: values of AMR with spaces between; empty for tries that failed
	Success                                     bool
	At                                          int64
}

// LoginHistory returns a page of a user's sign-ins, newest first, and how many there are.
func (s *Signin) LoginHistory(ctx context.Context, poolID, userID string, f LoginFilter, p directory.Page) ([]LoginRecord, int64, error) {
	q := audit.Filter{UserIDs: []string{userID}, Events: []string{"login"}, ClientIP: f.ClientIP, Success: f.Success, Start: f.Start, End: f.End,
		Page: p.Page, Limit: p.Limit}
	if f.AppID != "" {
		q.AppIDs = []string{f.AppID}
	}
	records, total, err := s.log.List(ctx, poolID, q)
	if err != nil {
		return nil, 0, err
	}
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.AppID
	}
	names, err := s.ApplicationNames(ctx, poolID, ids)
	if err != nil {
		return nil, 0, err
	}
	list := make([]LoginRecord, len(records))
	for i, r := range records {
		amr, _ := r.After["amr"].(string)
		list[i] = LoginRecord{UserID: userID, AppID: r.AppID, AppName: names[r.AppID], ClientIP: r.ClientIP, UserAgent: r.UserAgent,
			Method: amr, Success: r.Success, At: r.At}
	}
	return list, total, nil
}

// UserApplication is an application from a user's point of view.
type UserApplication struct {
	*Application      // shared: not to be changed
	Active       bool // the user is signed in to it now
}

// mostUserApplications is how many applications such a list shows.
const mostUserApplications = 200

// LoggedInApplications are the applications that a user is signed in to, by a session or by tokens, those used last first.
func (s *Signin) LoggedInApplications(ctx context.Context, poolID, userID string) ([]UserApplication, error) {
	ids, err := s.activeApplications(ctx, poolID, userID)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	apps, _, err := s.Applications(ctx, poolID, ApplicationFilter{IDs: ids}, directory.Page{Page: 1, Limit: mostUserApplications})
	if err != nil {
		return nil, err
	}
	list := make([]UserApplication, len(apps))
	for i, a := range apps {
		list[i] = UserApplication{a, true}
	}
	slices.SortStableFunc(list, func(a, b UserApplication) int { return slices.Index(ids, a.ID) - slices.Index(ids, b.ID) })
	return list, nil
}

// activeApplications are the identifiers of the applications of a user's live sessions and standing token families.
func (s *Signin) activeApplications(ctx context.Context, poolID, userID string) ([]string, error) {
	sessions, err := s.Sessions(ctx, poolID, userID)
	if err != nil {
		return nil, err
	}
	families, err := s.Families(ctx, poolID, userID)
	if err != nil {
		return nil, err
	}
	type use struct {
		id string
		at int64
	}
	var uses []use
	for _, x := range sessions {
		uses = append(uses, use{x.AppID, x.AuthTime})
	}
	for _, f := range families {
		uses = append(uses, use{f.AppID, f.UsedAt})
	}
	slices.SortStableFunc(uses, func(a, b use) int { return int(min(max(b.at-a.at, -1), 1)) })
	var ids []string
	for _, u := range uses {
		if !slices.Contains(ids, u.id) {
			ids = append(ids, u.id)
		}
	}
	return ids, nil
}

// LoggedIn reports whether a user is signed in to an application.
func (s *Signin) LoggedIn(ctx context.Context, poolID, userID, appID string) (bool, error) {
	ids, err := s.activeApplications(ctx, poolID, userID)
	return slices.Contains(ids, appID), err
}

// AccessibleApplications are the applications that let a user in: a page of them, the newest first, and how many there are. Those that
// are turned off let nobody in.
func (s *Signin) AccessibleApplications(ctx context.Context, poolID, userID string, p directory.Page) ([]UserApplication, int64, error) {
	active, err := s.activeApplications(ctx, poolID, userID)
	if err != nil {
		return nil, 0, err
	}
	const batch = 100
	var all []UserApplication
	for page := 1; ; page++ {
		apps, total, err := s.Applications(ctx, poolID, ApplicationFilter{}, directory.Page{Page: page, Limit: batch})
		if err != nil {
			return nil, 0, err
		}
		ids := make([]string, len(apps))
		for i, a := range apps {
			ids[i] = a.ID
		}
		verdicts, err := s.access.AppVerdicts(ctx, poolID, userID, ids)
		if err != nil {
			return nil, 0, err
		}
		for _, a := range apps {
			if a.Enabled && verdicts[a.ID].Allowed {
				all = append(all, UserApplication{a, slices.Contains(active, a.ID)})
			}
		}
		if int64(page)*batch >= total {
			break
		}
	}
	from := min(max(p.Page-1, 0)*max(p.Limit, 1), len(all))
	return all[from:min(from+max(p.Limit, 1), len(all))], int64(len(all)), nil
}

// EndOwnSession ends one of a user's own sessions. ErrNoSession for one that is not theirs.
func (s *Signin) EndOwnSession(ctx context.Context, poolID, userID, sessionID string) error {
	x, err := s.Session(ctx, poolID, sessionID)
	if err != nil {
		return err
	}
	if x.UserID != userID {
		return ErrNoSession
	}
	return s.EndSession(ctx, poolID, sessionID)
}
