package signin

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// AuthenticateProgrammaticAccount returns the enabled account of an identifier and its secret, with its enabled application.
// ErrClientWrong for every other pair; it takes as long for an unknown identifier.
func (s *Signin) AuthenticateProgrammaticAccount(ctx context.Context, id, text string) (*ProgrammaticAccount, *Application, error) {
	known := strings.Repeat("0", 32)
	var p *ProgrammaticAccount
	if db.IsID(id) {
		// A request names an account before its pool is known.
		row, err := db.One[ProgrammaticAccount](ctx, s.db, "select "+db.Columns[ProgrammaticAccount]()+" from programmatic_accounts where id = ? and pool_id <> ''", id)
		if err != nil && !errors.Is(err, db.NoRow) {
			return nil, nil, err
		}
		if err == nil {
			plain, err := s.master.Open(row.Secret, programmaticAccountContext(id))
			if err != nil {
				return nil, nil, err
			}
			p, known = &row, string(plain)
		}
	}
	if !secret.Equal(known, text) || p == nil || !p.Enabled {
		return nil, nil, ErrClientWrong
	}
	p.Secret = ""
	app, err := s.PoolApplication(ctx, p.PoolID, p.AppID)
	if fault.KindOf(err) == fault.NotFound || err == nil && !app.Enabled {
		return nil, nil, ErrClientWrong
	}
	return p, app, err
}

// mostScopes is how many scopes a program may ask for at once.
const mostScopes = 200

// ProgramTokens makes the token of a program that has proven itself (RFC 6749 4.4): of the application, or of one of its programmatic
// accounts. Scopes are "resource:action" of the application's own namespace, with * for all of either or for the end of a name, and the
// application's own scopes; those that name nothing there are returned as rejected.
func (s *Signin) ProgramTokens(ctx context.Context, app *Application, account *ProgrammaticAccount, asked []string) (set *TokenSet, rejected []string, err error) {
	if len(asked) > mostScopes {
		return nil, nil, fault.Field("scope")
	}
	granted := []string{}
	var resources []access.Resource
	for _, word := range asked {
		if slices.Contains(granted, word) || slices.Contains(rejected, word) {
			continue
		}
		if slices.Contains(app.Settings.Scopes, word) {
			granted = append(granted, word)
			continue
		}
		if resources == nil {
			if resources, err = s.namespaceResources(ctx, app); err != nil {
				return nil, nil, err
			}
		}
		if slices.ContainsFunc(resources, func(r access.Resource) bool { return scopeNames(word, &r) }) {
			granted = append(granted, word)
		} else {
			rejected = append(rejected, word)
		}
	}
	who, life := app.ID, int64(0)
	if account != nil {
		who, life = account.ID, account.TokenLifetime
	}
	if set, err = s.MachineToken(ctx, app, who, granted, life); err != nil {
		return nil, nil, err
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		return s.log.Add(ctx, app.PoolID, audit.Event{Operation: audit.Refresh, Resource: audit.AppRes, TargetID: app.ID, TargetName: app.Name, AppID: app.ID,
			After: map[string]any{"program": who, "scope": strings.Join(granted, " ")}})
	})
	return set, rejected, err
}

// namespaceResources are up to 5,000 resources of the application's own namespace; never nil without an error.
func (s *Signin) namespaceResources(ctx context.Context, app *Application) ([]access.Resource, error) {
	const page, most = 500, 5000
	all := []access.Resource{}
	for n := 1; len(all) < most; n++ {
		list, total, err := s.access.Resources(ctx, app.PoolID, access.ResourceQuery{Namespaces: []string{app.ID}}, directory.Page{Page: n, Limit: page})
		if fault.KindOf(err) == fault.NotFound {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if len(list) < page || int64(len(all)) >= total {
			break
		}
	}
	return all, nil
}

// scopeNames reports whether a scope pattern names an action of a resource.
func scopeNames(pattern string, r *access.Resource) bool {
	code, action := pattern, "*"
	if pattern != "*" {
		at := strings.LastIndexByte(pattern, ':')
		if at < 0 {
			return false
		}
		code, action = pattern[:at], pattern[at+1:]
	}
	if !patternMatches(code, r.Code) {
		return false
	}
	return action == "*" || slices.ContainsFunc(r.Actions, func(a access.ResourceAction) bool {
		// Actions are described bare or with their resource before them.
		return patternMatches(action, strings.TrimPrefix(a.Name, r.Code+":"))
	})
}

// patternMatches reports whether text is what the pattern says: itself, or anything for a * at its end.
func patternMatches(pattern, text string) bool {
	if head, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(text, head)
	}
	return pattern == text
}
