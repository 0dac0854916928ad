package v3

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/directory"
)

// whitelistEntryDTO is one entry of a whitelist: WhitelistRespDto.
type whitelistEntryDTO struct {
	Value     string `json:"value"`
	CreatedAt moment `json:"createdAt"`
}

func viewWhitelist(list []directory.WhitelistEntry, err error) ([]whitelistEntryDTO, error) {
	if err != nil {
		return nil, err
	}
	views := make([]whitelistEntryDTO, len(list))
	for i, e := range list {
		views[i] = whitelistEntryDTO{e.Value, moment(e.CreatedAt)}
	}
	return views, nil
}

func whitelistOf(appID, of string) directory.WhitelistKey {
	return directory.WhitelistKey{AppID: appID, Type: directory.WhitelistType(of)}
}

func (a *API) listWhitelists(ctx context.Context, in *ListWhitelistsParams) ([]whitelistEntryDTO, error) {
	return viewWhitelist(a.Directory.Whitelist(ctx, poolOf(ctx), whitelistOf("", in.Type)))
}

// addWhitelist answers the entries of the values that it was given.
func (a *API) addWhitelist(ctx context.Context, in *AddWhitelistDto) ([]whitelistEntryDTO, error) {
	return viewWhitelist(a.Directory.AddToWhitelist(ctx, poolOf(ctx), whitelistOf("", in.Type), in.List))
}

func (a *API) deleteWhitelist(ctx context.Context, in *DeleteWhitelistDto) (success, error) {
	_, err := a.Directory.RemoveFromWhitelist(ctx, poolOf(ctx), whitelistOf("", in.Type), in.List)
	return succeeded(err)
}

func (a *API) listWhitelistsOfApp(ctx context.Context, in *ListWhitelistsOfAppParams) ([]whitelistEntryDTO, error) {
	return viewWhitelist(a.Directory.Whitelist(ctx, poolOf(ctx), whitelistOf(in.AppID, in.Type)))
}

func (a *API) addWhitelistOfApp(ctx context.Context, in *AddWhitelistOfAppDto) ([]whitelistEntryDTO, error) {
	return viewWhitelist(a.Directory.AddToWhitelist(ctx, poolOf(ctx), whitelistOf(in.AppID, in.Type), in.List))
}

func (a *API) deleteWhitelistOfApp(ctx context.Context, in *DeleteWhitelistOfAppDto) (success, error) {
	_, err := a.Directory.RemoveFromWhitelist(ctx, poolOf(ctx), whitelistOf(in.AppID, in.Type), in.List)
	return succeeded(err)
}
