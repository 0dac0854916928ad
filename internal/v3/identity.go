package v3

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/directory"
)

// identityDTO is a user's account at an outside source: IdentityDto, without the tokens that only the user gets to see.
type identityDTO struct {
	IdentityID    string         `json:"identityId"`
	ExtIdpID      string         `json:"extIdpId"`
	Provider      string         `json:"provider"`
	Type          string         `json:"type"`
	UserIDInIdp   string         `json:"userIdInIdp"`
	UserInfoInIdp jsontext.Value `json:"userInfoInIdp"`
	OriginConnIDs []string       `json:"originConnIds"`
}

func viewIdentities(identities []directory.Identity) []identityDTO {
	list := make([]identityDTO, len(identities))
	for i, d := range identities {
		list[i] = identityDTO{d.ID, d.ExtIDPID, d.Provider, d.Type, d.UserIDInIDP, rawOr(d.UserInfo, "{}"), d.OriginConnIDs}
		if d.Provider == "" { // linked by the identity source alone; the wire asks for the kind of the source
			list[i].Provider = "oidc"
			if d.IsSocial {
				list[i].Provider = "oauth2"
			}
		}
	}
	return list
}

func (a *API) getUserIdentities(ctx context.Context, in *GetUserIdentitiesParams) ([]identityDTO, error) {
	u, err := a.user(ctx, in.UserIDType, in.UserID)
	if err != nil {
		return nil, err
	}
	identities, err := a.Directory.Identities(ctx, u.PoolID, []string{u.ID})
	return viewIdentities(identities[u.ID]), err
}

func (a *API) linkIdentity(ctx context.Context, in *LinkIdentityDto) (success, error) {
	return succeeded(a.Directory.LinkIdentity(ctx, poolOf(ctx), directory.ByID(in.UserID), directory.NewIdentity{
		ExtIDPID: in.ExtIdpID, UserIDInIDP: in.UserIDInIdp, Type: in.Type, IsSocial: value(in.IsSocial)}))
}

func (a *API) unlinkIdentity(ctx context.Context, in *UnlinkIdentity) (success, error) {
	return succeeded(a.Directory.UnlinkIdentity(ctx, poolOf(ctx), directory.ByID(in.UserID), in.ExtIdpID, in.Type))
}

type syncRelationDTO struct {
	Provider      string         `json:"provider"`
	UserIDInIdp   string         `json:"userIdInIdp"`
	UserInfoInIdp jsontext.Value `json:"userInfoInIdp"`
}

func (a *API) getUserSyncRelations(ctx context.Context, in *GetUserSyncRelationsParams) ([]syncRelationDTO, error) {
	u, err := a.user(ctx, in.UserIDType, in.UserID)
	if err != nil {
		return nil, err
	}
	relations, err := a.Directory.SyncRelations(ctx, u.PoolID, u.ID)
	list := make([]syncRelationDTO, len(relations))
	for i, r := range relations {
		list[i] = syncRelationDTO{r.Provider, r.UserIDInIDP, rawOr(r.UserInfo, "{}")}
	}
	return list, err
}

func (a *API) deleteUserSyncRelations(ctx context.Context, in *DeleteUserSyncRelationReqDto) (success, error) {
	ref := directory.UserRef{Type: in.UserIDType, Value: in.UserID}
	return succeeded(a.Directory.DeleteSyncRelations(ctx, poolOf(ctx), ref, in.Provider))
}
