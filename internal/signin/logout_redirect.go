package signin

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/directory"
)

// LogoutRedirectKnown reports whether browsers may be sent to a URI after they were signed out of a pool: an application of the pool has
// registered it for that, byte for byte. It is for the one address that names no application.
func (s *Signin) LogoutRedirectKnown(ctx context.Context, poolID, uri string) (bool, error) {
	if uri == "" {
		return false, nil
	}
	const batch = 100
	for page := 1; ; page++ {
		apps, total, err := s.Applications(ctx, poolID, ApplicationFilter{}, directory.Page{Page: page, Limit: batch})
		if err != nil {
			return false, err
		}
		for _, app := range apps {
			if app.Enabled && app.IsLogoutRedirect(uri) {
				return true, nil
			}
		}
		if int64(page*batch) >= total {
			return false, nil
		}
	}
}
