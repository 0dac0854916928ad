package directory

import (
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// PoolSettings are what an administrator has set for a pool; nil is what nobody has set. They are kept, and changed, by the
// names of their tags. Times and lengths of time are seconds.
type PoolSettings struct {
	SecuritySettings
	Logo                 *string         `json:"logo,omitzero"`
	Domain               *string         `json:"domain,omitzero"`
	Description          *string         `json:"description,omitzero"`
	Types                *[]string       `json:"userpoolTypes,omitzero"`
	EmailVerifiedDefault *bool           `json:"emailVerifiedDefault,omitzero"`
	SendWelcomeEmail     *bool           `json:"sendWelcomeEmail,omitzero"`
	AppSSOEnabled        *bool           `json:"appSsoEnabled,omitzero"`
	App2WxappLogin       *App2WxappLogin `json:"app2WxappLoginStrategy,omitzero"`
	// Whitelist says for which types only those on the whitelist may sign up.
	Whitelist         *WhitelistSwitches `json:"whitelist,omitzero"`
	CustomSMSProvider *SMSProvider       `json:"customSMSProvider,omitzero"`
	// LoginPage is JSON: what the console keeps of the page on which a pool's tenants sign in.
	LoginPage *string `json:"loginPage,omitzero"`
}

// App2WxappLogin says how signing in through a mini program works. The tag of its first field is spelt as the wire spells it.
type App2WxappLogin struct {
	TicketExpiresAfter       *int64 `json:"ticketExpriresAfter,omitzero"`
	TicketExchangeNeedSecret *bool  `json:"ticketExchangeUserInfoNeedSecret,omitzero"`
}

// WhitelistSwitches turn the pool's whitelists on.
type WhitelistSwitches struct {
	Phone    *bool `json:"phoneEnabled,omitzero"`
	Email    *bool `json:"emailEnabled,omitzero"`
	Username *bool `json:"usernameEnabled,omitzero"`
}

// SMSProvider is whom the pool sends its text messages through.
type SMSProvider struct {
	Enabled  *bool   `json:"enabled,omitzero"`
	Provider *string `json:"provider,omitzero"`
	// Config holds the provider's credentials: sealed in the table, in the clear in a change, empty in what is read.
	Config *string `json:"config,omitzero"`
}

// hide takes the credentials from what is read.
func (s *SMSProvider) hide() {
	if s != nil {
		s.Config = nil
	}
}

const (
	mostPoolTypes   = 50
	longestSetting  = 4096  // characters of a text
	longestProvider = 16384 // characters of a provider's configuration
)

func (s *PoolSettings) check() error {
	for _, t := range []struct {
		name  string
		value *string
		most  int
	}{
		{"logo", s.Logo, longestSetting}, {"domain", s.Domain, MaxName}, {"description", s.Description, MaxDescription},
		{"loginPage", s.LoginPage, longestProvider},
	} {
		if t.value != nil {
			if err := clean(t.name, *t.value, t.most); err != nil {
				return err
			}
		}
	}
	if p := s.CustomSMSProvider; p != nil {
		if p.Provider != nil {
			if err := clean("provider", *p.Provider, MaxCode); err != nil {
				return err
			}
		}
		if p.Config != nil {
			if err := clean("config", *p.Config, longestProvider); err != nil {
				return err
			}
		}
	}
	if s.Types != nil {
		if len(*s.Types) > mostPoolTypes {
			return CheckCount("userpoolTypes", len(*s.Types), mostPoolTypes)
		}
		for _, code := range *s.Types {
			if err := CheckCode("userpoolTypes", code); err != nil {
				return err
			}
		}
	}
	if w := s.App2WxappLogin; w != nil && w.TicketExpiresAfter != nil {
		if err := CheckRange("ticketExpriresAfter", *w.TicketExpiresAfter, 0, longestTime); err != nil {
			return err
		}
	}
	return s.SecuritySettings.Check()
}

// PoolTopic is that of db.Publish when a pool is changed; its key is the pool's identifier.
const PoolTopic = "pools"

// PoolPatch is a change of a pool: what is nil stays as it is, also inside the settings' groups.
type PoolPatch struct {
	Name     *string
	Settings PoolSettings
}

// UpdatePool changes a pool and returns it as it then is, without its secrets. Changing nothing writes nothing.
func (d *Directory) UpdatePool(ctx context.Context, poolID string, p PoolPatch) (*Pool, error) {
	if p.Name != nil {
		if err := clean("name", *p.Name, MaxName); err != nil {
			return nil, err
		}
		if strings.TrimSpace(*p.Name) == "" {
			return nil, fault.Field("name")
		}
	}
	if err := p.Settings.check(); err != nil {
		return nil, err
	}
	if sms := p.Settings.CustomSMSProvider; sms != nil && sms.Config != nil {
		sealed := *sms
		text := d.master.Seal([]byte(*sms.Config), smsConfigContext(poolID))
		sealed.Config = &text
		p.Settings.CustomSMSProvider = &sealed
	}
	patch, err := json.Marshal(&p.Settings)
	if err != nil {
		return nil, err
	}
	var after Pool
	err = d.db.Tx(ctx, func(ctx context.Context) error {
		before, err := d.poolForUpdate(ctx, poolID)
		if err != nil {
			return err
		}
		after = *before
		if p.Name != nil {
			after.Name = *p.Name
		}
		if after.Settings, err = before.Settings.with(patch); err != nil {
			return err
		}
		changes, err := db.Diff(before, &after)
		if err != nil || len(changes) == 0 {
			return err
		}
		after.UpdatedAt = d.db.Now()
		changes = append(changes, db.Change{Column: "updated_at", Before: before.UpdatedAt, After: after.UpdatedAt})
		if err := db.Update(ctx, d.db, "pools", changes, "pool_id = ?", poolID); err != nil {
			return err
		}
		e := audit.Event{Operation: audit.Update, Resource: audit.Userpool, TargetID: poolID, TargetName: after.Name}
		if e.Before, e.After, err = poolChanges(before, &after); err != nil {
			return err
		}
		if err := d.log.Add(ctx, poolID, e); err != nil {
			return err
		}
		return d.db.Publish(ctx, poolID, PoolTopic, poolID)
	})
	if err != nil {
		return nil, err
	}
	after.hide()
	return &after, nil
}

func smsConfigContext(poolID string) string { return "pool/" + poolID + "/sms" }

// with returns the settings with those of a patch in their place, group by group. It shares nothing with s.
func (s *PoolSettings) with(patch []byte) (PoolSettings, error) {
	var out PoolSettings
	b, err := json.Marshal(s)
	if err != nil {
		return out, err
	}
	for _, text := range [][]byte{b, patch} {
		if err := json.Unmarshal(text, &out); err != nil { // an object decoded into an object adds to it
			return out, err
		}
	}
	return out, nil
}

// poolChanges are the settings that differ, by name. Of a provider nothing but that it changed is told: it holds credentials.
func poolChanges(before, after *Pool) (was, is map[string]any, err error) {
	was, is = map[string]any{}, map[string]any{}
	if before.Name != after.Name {
		was["name"], is["name"] = before.Name, after.Name
	}
	var texts [2]map[string]jsontext.Value
	for i, p := range []*Pool{before, after} {
		b, err := json.Marshal(&p.Settings)
		if err != nil {
			return nil, nil, err
		}
		if err := json.Unmarshal(b, &texts[i]); err != nil {
			return nil, nil, err
		}
	}
	for name, value := range texts[1] {
		old, had := texts[0][name]
		if slices.Equal(old, value) {
			continue
		}
		if name == "customSMSProvider" {
			old, value = jsontext.Value(`"***"`), jsontext.Value(`"***"`)
		}
		if is[name] = value; had {
			was[name] = old
		}
	}
	return was, is, nil
}

// RefreshPoolSecret gives a pool a new random secret and returns it: it is shown here and never again. Signatures, tokens and
// passwords of the old one are worth nothing from then on.
func (d *Directory) RefreshPoolSecret(ctx context.Context, poolID string) (string, error) {
	text := secret.Random(16)
	sealed := d.master.Seal([]byte(text), poolSecretContext(poolID))
	err := d.db.Tx(ctx, func(ctx context.Context) error {
		before, err := d.poolForUpdate(ctx, poolID)
		if err != nil {
			return err
		}
		if _, err := db.Exec(ctx, d.db, "update pools set secret = ?, updated_at = ? where pool_id = ?", sealed, d.db.Now(), poolID); err != nil {
			return err
		}
		d.db.AfterCommit(ctx, func() { d.access.drop(poolID) })
		return d.log.Add(ctx, poolID, audit.Event{Operation: audit.Refresh, Resource: audit.Userpool, TargetID: poolID, TargetName: before.Name,
			After: map[string]any{"secret": "***"}})
	})
	if err != nil {
		return "", err
	}
	return text, nil
}

// poolForUpdate returns a pool's whole row, locked, or ErrPoolNotFound.
func (d *Directory) poolForUpdate(ctx context.Context, poolID string) (*Pool, error) {
	p, err := db.One[Pool](ctx, d.db, "select "+db.Columns[Pool]()+" from pools where pool_id = ?"+forUpdate, poolID)
	return &p, notFound(err, ErrPoolNotFound)
}

// hide takes from a pool what nobody reads.
func (p *Pool) hide() {
	p.Secret = ""
	p.Settings.CustomSMSProvider.hide()
}
