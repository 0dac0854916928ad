package signin

import (
	"context"
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// ProgrammaticAccount lets a program, and no person, get tokens of an application.
type ProgrammaticAccount struct {
	PoolID        string `db:"pool_id"`
	ID            string `db:"id"`
	AppID         string `db:"app_id"`
	Secret        string `db:"secret"` // sealed in the table, in the clear in what sets it, empty elsewhere
	Remarks       string `db:"remarks"`
	TokenLifetime int64  `db:"token_lifetime"` // seconds
	Enabled       bool   `db:"enabled"`
	OwnerID       string `db:"owner_id"` // in whose name it was made
	CreatedAt     int64  `db:"created_at"`
	UpdatedAt     int64  `db:"updated_at"`
}

// ErrProgrammaticAccountNotFound says that the pool has no such account.
var ErrProgrammaticAccountNotFound = fault.New(fault.NotFound, "programmatic_account_not_found")

const (
	mostProgrammaticAccounts = 100         // of one application
	longestLifetime          = 365 * 86400 // seconds
	defaultLifetime          = 600         // seconds
	shortestSecret           = 16
	longestSecret            = 128
)

// NewProgrammaticAccount is an account to be made. A TokenLifetime of 0 stands for 600 seconds.
type NewProgrammaticAccount struct {
	AppID         string
	Remarks       string
	TokenLifetime int64 // seconds, at most a year
}

// CreateProgrammaticAccount makes an enabled account with a random secret, which is shown here and never again. It belongs to the
// caller. An application that the pool does not have is ErrApplicationNotFound; one takes 100 accounts: Unprocessable
// "programmatic_account_limit".
func (s *Signin) CreateProgrammaticAccount(ctx context.Context, poolID string, n NewProgrammaticAccount) (*ProgrammaticAccount, error) {
	if n.TokenLifetime == 0 {
		n.TokenLifetime = defaultLifetime
	}
	if n.TokenLifetime < 1 || n.TokenLifetime > longestLifetime {
		return nil, fault.Field("tokenLifetime")
	}
	if err := directory.CheckText("remarks", n.Remarks, directory.MaxDescription); err != nil {
		return nil, err
	}
	now := s.db.Now()
	p := &ProgrammaticAccount{PoolID: poolID, ID: s.db.NewID(), AppID: n.AppID, Secret: secret.Random(16), Remarks: n.Remarks,
		TokenLifetime: n.TokenLifetime, Enabled: true, OwnerID: caller.From(ctx).UserID, CreatedAt: now, UpdatedAt: now}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		// The application's row is held, so that two calls do not pass the bound together.
		if err := s.needApplication(ctx, poolID, n.AppID, " for update"); err != nil {
			return err
		}
		had, err := db.One[int64](ctx, s.db, "select count(*) from programmatic_accounts where pool_id = ? and app_id = ?", poolID, n.AppID)
		if err != nil {
			return err
		}
		if had >= mostProgrammaticAccounts {
			return fault.New(fault.Unprocessable, "programmatic_account_limit", strconv.Itoa(mostProgrammaticAccounts))
		}
		row := *p
		row.Secret = s.master.Seal([]byte(p.Secret), programmaticAccountContext(p.ID))
		if err := db.Insert(ctx, s.db, "programmatic_accounts", &row); err != nil {
			return err
		}
		return s.logProgrammaticAccount(ctx, audit.Add, p)
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func programmaticAccountContext(id string) string { return "programmatic-account/" + id }

// needApplication is ErrApplicationNotFound unless the pool has the application. lock is " for update" or empty.
func (s *Signin) needApplication(ctx context.Context, poolID, id, lock string) error {
	if !db.IsID(id) {
		return ErrApplicationNotFound
	}
	_, err := db.One[string](ctx, s.db, "select id from applications where pool_id = ? and id = ?"+lock, poolID, id)
	if errors.Is(err, db.NoRow) {
		return ErrApplicationNotFound
	}
	return err
}

// ProgrammaticAccounts returns a page of an application's accounts without their secrets, the newest first, and how many it has.
// An application that the pool does not have is ErrApplicationNotFound.
func (s *Signin) ProgrammaticAccounts(ctx context.Context, poolID, appID string, p directory.Page) ([]ProgrammaticAccount, int64, error) {
	if err := s.needApplication(ctx, poolID, appID, ""); err != nil {
		return nil, 0, err
	}
	total, err := db.One[int64](ctx, s.db, "select count(*) from programmatic_accounts where pool_id = ? and app_id = ?", poolID, appID)
	if err != nil {
		return nil, 0, err
	}
	page, limit := max(p.Page, 1), max(p.Limit, 1)
	list, err := db.List[ProgrammaticAccount](ctx, s.db, "select "+db.Columns[ProgrammaticAccount]()+
		" from programmatic_accounts where pool_id = ? and app_id = ? order by id desc limit ? offset ?", poolID, appID, limit, (page-1)*limit)
	for i := range list {
		list[i].Secret = ""
	}
	return list, total, err
}

// ProgrammaticAccountPatch says what changes; nil leaves it.
type ProgrammaticAccountPatch struct {
	Secret  *string // 16 to 128 characters, which the caller has chosen
	Enabled *bool
}

// UpdateProgrammaticAccount gives an account another secret, or turns it on or off, and returns it; the secret is in it if it is
// new. An account that the pool does not have is ErrProgrammaticAccountNotFound.
func (s *Signin) UpdateProgrammaticAccount(ctx context.Context, poolID, id string, patch ProgrammaticAccountPatch) (*ProgrammaticAccount, error) {
	if patch.Secret != nil {
		if n := utf8.RuneCountInString(*patch.Secret); n < shortestSecret {
			return nil, fault.Field("secret")
		}
		if err := directory.CheckText("secret", *patch.Secret, longestSecret); err != nil {
			return nil, err
		}
	}
	var p *ProgrammaticAccount
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		var err error
		if p, err = s.programmaticAccount(ctx, poolID, id); err != nil {
			return err
		}
		operation := ""
		if patch.Enabled != nil && *patch.Enabled != p.Enabled {
			p.Enabled, operation = *patch.Enabled, audit.Disable
			if p.Enabled {
				operation = audit.Enable
			}
		}
		if patch.Secret != nil {
			p.Secret, operation = s.master.Seal([]byte(*patch.Secret), programmaticAccountContext(id)), audit.Refresh
		}
		if operation == "" {
			return nil
		}
		p.UpdatedAt = s.db.Now()
		if _, err := db.Exec(ctx, s.db, "update programmatic_accounts set secret = ?, enabled = ?, updated_at = ? where pool_id = ? and id = ?",
			p.Secret, p.Enabled, p.UpdatedAt, poolID, id); err != nil {
			return err
		}
		return s.logProgrammaticAccount(ctx, operation, p)
	})
	if err != nil {
		return nil, err
	}
	p.Secret = ""
	if patch.Secret != nil {
		p.Secret = *patch.Secret
	}
	return p, nil
}

// DeleteProgrammaticAccount removes an account, or is ErrProgrammaticAccountNotFound.
func (s *Signin) DeleteProgrammaticAccount(ctx context.Context, poolID, id string) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		p, err := s.programmaticAccount(ctx, poolID, id)
		if err != nil {
			return err
		}
		if _, err := db.Exec(ctx, s.db, "delete from programmatic_accounts where pool_id = ? and id = ?", poolID, id); err != nil {
			return err
		}
		return s.logProgrammaticAccount(ctx, audit.Remove, p)
	})
}

// programmaticAccount reads an account, its secret sealed, and holds its row.
func (s *Signin) programmaticAccount(ctx context.Context, poolID, id string) (*ProgrammaticAccount, error) {
	if !db.IsID(id) {
		return nil, ErrProgrammaticAccountNotFound
	}
	p, err := db.One[ProgrammaticAccount](ctx, s.db, "select "+db.Columns[ProgrammaticAccount]()+
		" from programmatic_accounts where pool_id = ? and id = ? for update", poolID, id)
	if errors.Is(err, db.NoRow) {
		return nil, ErrProgrammaticAccountNotFound
	}
	return &p, err
}

func (s *Signin) logProgrammaticAccount(ctx context.Context, operation string, p *ProgrammaticAccount) error {
	values := map[string]any{"programmatic_account": p.ID, "remarks": p.Remarks, "lifetime": p.TokenLifetime, "enabled": p.Enabled}
	e := audit.Event{Operation: operation, Resource: audit.AppRes, TargetID: p.AppID}
	if operation == audit.Remove {
		e.Before = values
	} else {
		e.After = values
	}
	return s.log.Add(ctx, p.PoolID, e)
}
