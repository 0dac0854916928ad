package directory

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// WhitelistType is what an entry of a whitelist names a person by.
type WhitelistType string

// The types of whitelists.
const (
	WhitelistUsername WhitelistType = "USERNAME"
	WhitelistEmail    WhitelistType = "EMAIL"
	WhitelistPhone    WhitelistType = "PHONE"
)

// WhitelistKey names a whitelist: the pool's own, or an application's where AppID is set.
type WhitelistKey struct {
	AppID string
	Type  WhitelistType
}

// WhitelistEntry is one person who may sign up where the whitelist is on. Emails are in lower case.
type WhitelistEntry struct {
	PoolID    string        `db:"pool_id"`
	AppID     string        `db:"app_id"`
	Type      WhitelistType `db:"type"`
	Value     string        `db:"value"`
	CreatedAt int64         `db:"created_at"`
}

const (
	mostWhitelistChange = 500  // entries of one call
	mostWhitelisted     = 5000 // entries of one list, which the wires do not page
)

// ErrWhitelistApplication says that a whitelist was asked for of an application that the pool does not have.
var ErrWhitelistApplication = fault.New(fault.NotFound, "application_not_found")

// Whitelist returns the entries of a whitelist, newest first: at most 5,000. An unknown application is ErrWhitelistApplication.
func (d *Directory) Whitelist(ctx context.Context, poolID string, key WhitelistKey) ([]WhitelistEntry, error) {
	if err := key.check(); err != nil {
		return nil, err
	}
	if err := d.needApplication(ctx, poolID, key.AppID, ""); err != nil {
		return nil, err
	}
	return d.listWhitelist(ctx, poolID, key)
}

// AddToWhitelist adds up to 500 values, all of them or none, and returns their entries in the order of the values, each once;
// those that are there already stay as they are. A list takes 5,000: Unprocessable "whitelist_limit". An unknown application is
// ErrWhitelistApplication.
func (d *Directory) AddToWhitelist(ctx context.Context, poolID string, key WhitelistKey, values []string) ([]WhitelistEntry, error) {
	values, err := key.normal(values)
	if err != nil {
		return nil, err
	}
	var entries []WhitelistEntry
	err = d.db.Tx(ctx, func(ctx context.Context) error {
		if err := d.lockWhitelist(ctx, poolID, key); err != nil {
			return err
		}
		had, err := d.whitelisted(ctx, poolID, key, values)
		if err != nil {
			return err
		}
		var added []string
		entries = make([]WhitelistEntry, len(values))
		for i, value := range values {
			e, ok := had[value]
			if !ok {
				e = WhitelistEntry{PoolID: poolID, AppID: key.AppID, Type: key.Type, Value: value, CreatedAt: d.db.Now()}
				if err := d.insertWhitelisted(ctx, &e); err != nil {
					return err
				}
				added = append(added, value)
			}
			entries[i] = e
		}
		if len(added) == 0 {
			return nil
		}
		n, err := d.countWhitelist(ctx, poolID, key)
		if err != nil {
			return err
		}
		if n > mostWhitelisted {
			return fault.New(fault.Unprocessable, "whitelist_limit", strconv.Itoa(mostWhitelisted))
		}
		e := key.event(audit.Add, poolID)
		e.After = map[string]any{"whitelist": key.Type, "values": added}
		return d.log.Add(ctx, poolID, e)
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// RemoveFromWhitelist removes up to 500 values and returns the entries that went, in the order of the values. Values that are
// not there are passed over. An unknown application is ErrWhitelistApplication.
func (d *Directory) RemoveFromWhitelist(ctx context.Context, poolID string, key WhitelistKey, values []string) ([]WhitelistEntry, error) {
	values, err := key.normal(values)
	if err != nil {
		return nil, err
	}
	var gone []WhitelistEntry
	err = d.db.Tx(ctx, func(ctx context.Context) error {
		gone = []WhitelistEntry{}
		if err := d.lockWhitelist(ctx, poolID, key); err != nil {
			return err
		}
		had, err := d.whitelisted(ctx, poolID, key, values)
		if err != nil || len(had) == 0 {
			return err
		}
		var removed []string
		for _, value := range values {
			if e, ok := had[value]; ok {
				gone, removed = append(gone, e), append(removed, value)
			}
		}
		if err := d.deleteWhitelisted(ctx, poolID, key, removed); err != nil {
			return err
		}
		e := key.event(audit.Remove, poolID)
		e.Before = map[string]any{"whitelist": key.Type, "values": removed}
		return d.log.Add(ctx, poolID, e)
	})
	if err != nil {
		return nil, err
	}
	return gone, nil
}

func (k WhitelistKey) check() error {
	switch k.Type {
	case WhitelistUsername, WhitelistEmail, WhitelistPhone:
		return nil
	}
	return fault.Field("type")
}

// normal checks the values and returns each once, as the list keeps them.
func (k WhitelistKey) normal(values []string) ([]string, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	if err := CheckCount("list", len(values), mostWhitelistChange); err != nil {
		return nil, err
	}
	out := make([]string, 0, len(values))
	for _, v := range values {
		v = strings.TrimSpace(v)
		if v == "" {
			return nil, fault.Field("list")
		}
		if k.Type == WhitelistEmail {
			v = strings.ToLower(v)
		}
		if err := clean("list", v, MaxName); err != nil {
			return nil, err
		}
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out, nil
}

// event begins a record of the pool or the application whose list it is.
func (k WhitelistKey) event(operation, poolID string) audit.Event {
	if k.AppID != "" {
		return audit.Event{Operation: operation, Resource: audit.AppRes, TargetID: k.AppID}
	}
	return audit.Event{Operation: operation, Resource: audit.Userpool, TargetID: poolID}
}
