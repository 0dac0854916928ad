package v2

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// whitelistEntry is the type WhiteList. An entry never changes: both its times are that of its making.
type whitelistEntry struct {
	CreatedAt *string `json:"createdAt"`
	UpdatedAt *string `json:"updatedAt"`
	Value     string  `json:"value"`
}

func viewWhitelist(list []directory.WhitelistEntry, err error) ([]whitelistEntry, error) {
	if err != nil {
		return nil, err
	}
	views := make([]whitelistEntry, len(list))
	for i, e := range list {
		views[i] = whitelistEntry{timeText(e.CreatedAt), timeText(e.CreatedAt), e.Value}
	}
	return views, nil
}

type whitelistInput struct {
	Type directory.WhitelistType `json:"type"`
}

func (in whitelistInput) key() directory.WhitelistKey { return directory.WhitelistKey{Type: in.Type} }

// whitelist answers the pool's whole list, newest first.
func (a *API) whitelist(ctx context.Context, in *whitelistInput) ([]whitelistEntry, error) {
	return viewWhitelist(a.dir.Whitelist(ctx, caller.From(ctx).PoolID, in.key()))
}

type changeWhitelistInput struct {
	whitelistInput
	List []string `json:"list"`
}

// addWhitelist answers the entries of the values that it was given.
func (a *API) addWhitelist(ctx context.Context, in *changeWhitelistInput) ([]whitelistEntry, error) {
	return viewWhitelist(a.dir.AddToWhitelist(ctx, caller.From(ctx).PoolID, in.key(), in.List))
}

// removeWhitelist answers the entries that went.
func (a *API) removeWhitelist(ctx context.Context, in *changeWhitelistInput) ([]whitelistEntry, error) {
	return viewWhitelist(a.dir.RemoveFromWhitelist(ctx, caller.From(ctx).PoolID, in.key(), in.List))
}
