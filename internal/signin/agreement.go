package signin

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// AgreementPlace says where people are asked to agree.
type AgreementPlace int64

// The places.
const (
	AgreeAtRegister AgreementPlace = 0
	AgreeAtSignIn   AgreementPlace = 1
	AgreeAtBoth     AgreementPlace = 2
)

// Agreement is what people agree to before they sign up to an application or in.
type Agreement struct {
	PoolID      string         `db:"pool_id"`
	AppID       string         `db:"app_id"`
	ID          int64          `db:"id"`    // unique in the application, the same for ever, below 2^53
	Title       string         `db:"title"` // HTML of links, text and simple marks, which a page may show as it is
	Lang        string         `db:"lang"`  // zh-CN, en-US, zh-TW or ja-JP
	Required    bool           `db:"required"`
	AvailableAt AgreementPlace `db:"available_at"`
	Position    int64          `db:"position"` // lists are in its order
	CreatedAt   int64          `db:"created_at"`
	UpdatedAt   int64          `db:"updated_at"`
}

// ErrAgreementNotFound says that the application has no such agreement.
var ErrAgreementNotFound = fault.New(fault.NotFound, "agreement_not_found")

const (
	mostAgreements   = 100 // of one application
	longestAgreement = 4096
)

// agreementLanguages are those that pages are shown in; the first is the one of an agreement that names none.
var agreementLanguages = []string{"zh-CN", "en-US", "zh-TW", "ja-JP"}

// AgreementInput is what a caller wants an agreement to be; nil leaves a setting as it is. A new one needs a title; unless the input
// says otherwise it is Chinese, required, and asked for at registration.
type AgreementInput struct {
	Title       *string
	Lang        *string
	Required    *bool
	AvailableAt *AgreementPlace
}

func (in *AgreementInput) apply(a *Agreement) error {
	if in.Title != nil {
		if err := directory.CheckText("title", *in.Title, longestAgreement); err != nil {
			return err
		}
		if a.Title = cleanHTML(*in.Title); a.Title == "" {
			return fault.Field("title")
		}
	}
	if in.Lang != nil {
		if !slices.Contains(agreementLanguages, *in.Lang) {
			return fault.Field("lang")
		}
		a.Lang = *in.Lang
	}
	if in.Required != nil {
		a.Required = *in.Required
	}
	if in.AvailableAt != nil {
		if *in.AvailableAt < AgreeAtRegister || *in.AvailableAt > AgreeAtBoth {
			return fault.Field("availableAt")
		}
		a.AvailableAt = *in.AvailableAt
	}
	return nil
}

// CreateAgreement adds an agreement after the others. What is no link, text or simple mark of its title is left out. An application
// takes 100: Unprocessable "agreement_limit". An application that the pool does not have is ErrApplicationNotFound.
func (s *Signin) CreateAgreement(ctx context.Context, poolID, appID string, in AgreementInput) (*Agreement, error) {
	now := s.db.Now()
	a := &Agreement{PoolID: poolID, AppID: appID, Lang: agreementLanguages[0], Required: true, CreatedAt: now, UpdatedAt: now}
	if in.Title == nil {
		return nil, fault.Field("title")
	}
	if err := in.apply(a); err != nil {
		return nil, err
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		list, err := s.agreementsForUpdate(ctx, poolID, appID)
		if err != nil {
			return err
		}
		if len(list) >= mostAgreements {
			return fault.New(fault.Unprocessable, "agreement_limit", strconv.Itoa(mostAgreements))
		}
		a.ID, a.Position = now, 1
		for i := range list {
			a.ID, a.Position = max(a.ID, list[i].ID+1), max(a.Position, list[i].Position+1)
		}
		if err := db.Insert(ctx, s.db, "agreements", a); err != nil {
			return err
		}
		return s.logAgreement(ctx, audit.Add, nil, a)
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Agreements returns an application's agreements in order, or ErrApplicationNotFound for one that the pool does not have.
func (s *Signin) Agreements(ctx context.Context, poolID, appID string) ([]Agreement, error) {
	if err := s.needApplication(ctx, poolID, appID, ""); err != nil {
		return nil, err
	}
	return s.listAgreements(ctx, poolID, appID)
}

func (s *Signin) listAgreements(ctx context.Context, poolID, appID string) ([]Agreement, error) {
	return db.List[Agreement](ctx, s.db, "select "+db.Columns[Agreement]()+" from agreements where pool_id = ? and app_id = ? order by position, id limit ?",
		poolID, appID, mostAgreements)
}

// agreementsForUpdate returns an application's agreements and holds the application's row, so that two changes do not cross.
func (s *Signin) agreementsForUpdate(ctx context.Context, poolID, appID string) ([]Agreement, error) {
	if err := s.needApplication(ctx, poolID, appID, " for update"); err != nil {
		return nil, err
	}
	return s.listAgreements(ctx, poolID, appID)
}

// UpdateAgreement changes an agreement and returns it as it then is. Changing nothing writes nothing.
func (s *Signin) UpdateAgreement(ctx context.Context, poolID, appID string, id int64, in AgreementInput) (*Agreement, error) {
	var after Agreement
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		before, err := s.agreementForUpdate(ctx, poolID, appID, id)
		if err != nil {
			return err
		}
		after = *before
		if err := in.apply(&after); err != nil {
			return err
		}
		changes, err := db.Diff(before, &after)
		if err != nil || len(changes) == 0 {
			return err
		}
		after.UpdatedAt = s.db.Now()
		changes = append(changes, db.Change{Column: "updated_at", Before: before.UpdatedAt, After: after.UpdatedAt})
		if err := db.Update(ctx, s.db, "agreements", changes, "pool_id = ? and app_id = ? and id = ?", poolID, appID, id); err != nil {
			return err
		}
		return s.logAgreement(ctx, audit.Update, before, &after)
	})
	if err != nil {
		return nil, err
	}
	return &after, nil
}

// agreementForUpdate returns an agreement and holds its application's row.
func (s *Signin) agreementForUpdate(ctx context.Context, poolID, appID string, id int64) (*Agreement, error) {
	if err := s.needApplication(ctx, poolID, appID, " for update"); err != nil {
		return nil, err
	}
	a, err := db.One[Agreement](ctx, s.db, "select "+db.Columns[Agreement]()+" from agreements where pool_id = ? and app_id = ? and id = ?", poolID, appID, id)
	if errors.Is(err, db.NoRow) {
		return nil, ErrAgreementNotFound
	}
	return &a, err
}

// DeleteAgreement removes an agreement, or is ErrAgreementNotFound.
func (s *Signin) DeleteAgreement(ctx context.Context, poolID, appID string, id int64) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		a, err := s.agreementForUpdate(ctx, poolID, appID, id)
		if err != nil {
			return err
		}
		if _, err := db.Exec(ctx, s.db, "delete from agreements where pool_id = ? and app_id = ? and id = ?", poolID, appID, id); err != nil {
			return err
		}
		return s.logAgreement(ctx, audit.Remove, a, nil)
	})
}

// SortAgreements puts an application's agreements into the order of ids, which names each of them once.
func (s *Signin) SortAgreements(ctx context.Context, poolID, appID string, ids []int64) error {
	if len(ids) > mostAgreements {
		return directory.CheckCount("ids", len(ids), mostAgreements)
	}
	return s.db.Tx(ctx, func(ctx context.Context) error {
		list, err := s.agreementsForUpdate(ctx, poolID, appID)
		if err != nil {
			return err
		}
		at := make(map[int64]int64, len(ids))
		for i, id := range ids {
			at[id] = int64(i + 1)
		}
		if len(at) != len(ids) || len(ids) != len(list) {
			return fault.Field("ids")
		}
		now, moved := s.db.Now(), false
		for i := range list {
			a := &list[i]
			position, ok := at[a.ID]
			if !ok {
				return fault.Field("ids")
			}
			if position == a.Position {
				continue
			}
			moved = true
			if _, err := db.Exec(ctx, s.db, "update agreements set position = ?, updated_at = ? where pool_id = ? and app_id = ? and id = ?",
				position, now, poolID, appID, a.ID); err != nil {
				return err
			}
		}
		if !moved {
			return nil
		}
		return s.log.Add(ctx, poolID, audit.Event{Operation: audit.Update, Resource: audit.AppRes, TargetID: appID, After: map[string]any{"agreements": ids}})
	})
}

func (s *Signin) logAgreement(ctx context.Context, operation string, before, after *Agreement) error {
	values := func(a *Agreement) map[string]any {
		if a == nil {
			return nil
		}
		return map[string]any{"agreement": a.ID, "title": a.Title, "lang": a.Lang, "required": a.Required, "availableAt": a.AvailableAt}
	}
	e := audit.Event{Operation: operation, Resource: audit.AppRes, Before: values(before), After: values(after)}
	of := after
	if of == nil {
		of = before
	}
	e.TargetID = of.AppID
	return s.log.Add(ctx, of.PoolID, e)
}

// AskedAt reports whether people are asked to agree at a place: AtLogin or AtRegister.
func (a *Agreement) AskedAt(place string) bool {
	return a.AvailableAt == AgreeAtBoth || (a.AvailableAt == AgreeAtSignIn) == (place == AtLogin)
}
