package directory

import (
	"context"
	"errors"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Identity is a user's account at an outside identity source. In a pool, a source's account belongs to one user.
type Identity struct {
	PoolID        string   `db:"pool_id"`
	ID            string   `db:"id"`
	UserID        string   `db:"user_id"`
	Source        string   `db:"source"`
	UserIDInIDP   string   `db:"user_id_in_idp"`
	ExtIDPID      string   `db:"ext_idp_id"`
	ConnectionID  string   `db:"connection_id"`
	Provider      string   `db:"provider"`
	Type          string   `db:"type"`
	IsSocial      bool     `db:"is_social"`
	OpenID        string   `db:"openid"`
	AccessToken   string   `db:"access_token"` // sealed in the table
	RefreshToken  string   `db:"refresh_token"`
	UserInfo      string   `db:"user_info"` // JSON, as the source gave it
	OriginConnIDs []string `db:"origin_conn_ids,json"`
	CreatedAt     int64    `db:"created_at"`
}

// NewIdentity is an identity to be linked. UserIDInIDP and one of ExtIDPID, ConnectionID and Provider are needed.
type NewIdentity struct {
	UserIDInIDP, ExtIDPID, ConnectionID, Provider, Type, OpenID string
	AccessToken, RefreshToken, UserInfo                         string
	IsSocial                                                    bool
	OriginConnIDs                                               []string
}

// How many identities one user may have.
const mostIdentities = 50

// addIdentities inserts a user's identities in the transaction of ctx. A taken one is ErrIdentityTaken.
func (d *Directory) addIdentities(ctx context.Context, u *User, list []NewIdentity) error {
	if len(list) > mostIdentities {
		return fault.New(fault.Invalid, "list_max", "identities", "50")
	}
	for _, n := range list {
		for _, f := range []struct {
			name, value string
			max         int
		}{{"userIdInIdp", n.UserIDInIDP, 256}, {"extIdpId", n.ExtIDPID, 128}, {"connectionId", n.ConnectionID, 128},
			{"provider", n.Provider, 64}, {"type", n.Type, 64}, {"openid", n.OpenID, 256}, {"accessToken", n.AccessToken, 8192},
			{"refreshToken", n.RefreshToken, 8192}, {"userInfoInIdp", n.UserInfo, 32768}} {
			if err := clean(f.name, f.value, f.max); err != nil {
				return err
			}
		}
		if n.UserIDInIDP == "" {
			return fault.Field("userIdInIdp")
		}
		i := Identity{PoolID: u.PoolID, ID: d.db.NewID(), UserID: u.ID, UserIDInIDP: n.UserIDInIDP, ExtIDPID: n.ExtIDPID,
			ConnectionID: n.ConnectionID, Provider: n.Provider, Type: n.Type, IsSocial: n.IsSocial, OpenID: n.OpenID,
			UserInfo: n.UserInfo, OriginConnIDs: n.OriginConnIDs, CreatedAt: d.db.Now()}
		if i.Source = first(n.ConnectionID, n.ExtIDPID, n.Provider); i.Source == "" {
			return fault.Field("provider")
		}
		i.AccessToken, i.RefreshToken = d.sealToken(u.PoolID, n.AccessToken), d.sealToken(u.PoolID, n.RefreshToken)
		err := db.Insert(ctx, d.db, "identities", &i)
		if db.IsUnique(err, "identities", "user_id_in_idp") {
			return ErrIdentityTaken.Because(err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Directory) sealToken(poolID, token string) string {
	if token == "" {
		return ""
	}
	return d.master.Seal([]byte(token), "pool/"+poolID+"/identity")
}

// LinkIdentity gives a user an account at an outside source.
func (d *Directory) LinkIdentity(ctx context.Context, poolID string, ref UserRef, n NewIdentity) error {
	return d.db.Tx(ctx, func(ctx context.Context) error {
		u, err := d.lockUser(ctx, poolID, ref)
		if err != nil {
			return err
		}
		had, err := db.One[int64](ctx, d.db, "select count(*) from identities where pool_id = ? and user_id = ?", poolID, u.ID)
		if err != nil {
			return err
		}
		if had >= mostIdentities {
			return fault.New(fault.Invalid, "list_max", "identities", "50")
		}
		if err := d.addIdentities(ctx, u, []NewIdentity{n}); err != nil {
			return err
		}
		return d.log.Add(ctx, poolID, audit.Event{Operation: audit.Add, Resource: audit.Identity, TargetID: u.ID, TargetName: u.DisplayName(),
			After: map[string]any{"provider": n.Provider, "extIdpId": n.ExtIDPID, "userIdInIdp": n.UserIDInIDP, "type": n.Type}})
	})
}

// UnlinkIdentity takes the user's accounts at a source away: those whose identity source or connection is extIDPID, or whose
// provider it is, and of the type unless that is empty. ErrIdentityNotFound when there is none.
func (d *Directory) UnlinkIdentity(ctx context.Context, poolID string, ref UserRef, extIDPID, identityType string) error {
	if err := clean("extIdpId", extIDPID, 128); err != nil {
		return err
	}
	if err := clean("type", identityType, 64); err != nil {
		return err
	}
	return d.db.Tx(ctx, func(ctx context.Context) error {
		u, err := d.lockUser(ctx, poolID, ref)
		if err != nil {
			return err
		}
		var w db.Where
		w.And("pool_id = ? and user_id = ?", poolID, u.ID)
		w.And("ext_idp_id = ? or connection_id = ? or provider = ?", extIDPID, extIDPID, extIDPID)
		if identityType != "" {
			w.And("type = ?", identityType)
		}
		n, err := db.Exec(ctx, d.db, "delete from identities where "+w.String(), w.Args...)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrIdentityNotFound
		}
		return d.log.Add(ctx, poolID, audit.Event{Operation: audit.Remove, Resource: audit.Identity, TargetID: u.ID, TargetName: u.DisplayName(),
			Before: map[string]any{"extIdpId": extIDPID, "type": identityType}})
	})
}

// Identities returns the identities of each of the users, oldest first, with their tokens in the clear.
func (d *Directory) Identities(ctx context.Context, poolID string, userIDs []string) (map[string][]Identity, error) {
	list, err := db.List[Identity](ctx, d.db, "select "+db.Columns[Identity]()+
		" from identities where pool_id = ? and user_id in (?...) order by id limit 5000", poolID, userIDs)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]Identity, len(userIDs))
	for _, i := range list {
		for _, token := range []*string{&i.AccessToken, &i.RefreshToken} {
			if *token == "" {
				continue
			}
			plain, err := d.master.Open(*token, "pool/"+poolID+"/identity")
			if err != nil {
				return nil, err
			}
			*token = string(plain)
		}
		out[i.UserID] = append(out[i.UserID], i)
	}
	return out, nil
}

// UserByIdentity returns the user whose account at a source (identity source, connection or provider) it is, or ErrUserNotFound.
func (d *Directory) UserByIdentity(ctx context.Context, poolID, source, userIDInIDP string) (*User, error) {
	if !validText(source) || !validText(userIDInIDP) {
		return nil, fault.Field("identity")
	}
	u, err := db.One[User](ctx, d.db, selectUser+`id in (select user_id from identities
		where pool_id = ? and user_id_in_idp = ? and (source = ? or ext_idp_id = ? or provider = ?)) order by id limit 1`,
		poolID, poolID, userIDInIDP, source, source, source)
	if errors.Is(err, db.NoRow) {
		return nil, ErrUserNotFound
	}
	return &u, err
}

// SyncRelation ties a user to an account in a directory that they were synchronised from.
type SyncRelation struct {
	Provider    string `db:"provider"`
	UserIDInIDP string `db:"user_id_in_idp"`
	UserInfo    string `db:"user_info"` // JSON
}

// SyncRelations returns the user's relations to synchronised directories.
func (d *Directory) SyncRelations(ctx context.Context, poolID, userID string) ([]SyncRelation, error) {
	return db.List[SyncRelation](ctx, d.db, "select "+db.Columns[SyncRelation]()+
		" from sync_relations where pool_id = ? and user_id = ? order by provider, user_id_in_idp limit 100", poolID, userID)
}

// DeleteSyncRelations cuts the user's relations to one provider; cutting none is fine.
func (d *Directory) DeleteSyncRelations(ctx context.Context, poolID string, ref UserRef, provider string) error {
	if err := clean("provider", provider, 64); err != nil {
		return err
	}
	return d.db.Tx(ctx, func(ctx context.Context) error {
		u, err := d.lockUser(ctx, poolID, ref)
		if err != nil {
			return err
		}
		n, err := db.Exec(ctx, d.db, "delete from sync_relations where pool_id = ? and user_id = ? and provider = ?", poolID, u.ID, provider)
		if err != nil || n == 0 {
			return err
		}
		return d.log.Add(ctx, poolID, audit.Event{Operation: audit.Remove, Resource: audit.Identity, TargetID: u.ID, TargetName: u.DisplayName(),
			Before: map[string]any{"syncProvider": provider}})
	})
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
