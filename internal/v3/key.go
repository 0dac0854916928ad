package v3

import (
	"context"
	"slices"

	"github.com/guildhall-id/guildhall/internal/directory"
)

// accessKeyDTO is an access key as the wire shows one: CreateAccessKeyRespDto and its like.
type accessKeyDTO struct {
	AccessKeyID     string `json:"accessKeyId"`
	AccessKeySecret string `json:"accessKeySecret"` // only when it was just made
	UserID          string `json:"userId"`
	CreatedAt       moment `json:"createdAt"`
	Status          string `json:"status"`
	LastDate        moment `json:"lastDate"`
	UserPoolID      string `json:"userPoolId"`
	Enable          bool   `json:"enable"`
}

// The states of keys. The wire has a third, staging, that no key of ours is in.
const (
	keyActivated = "activated"
	keyRevoked   = "revoked"
)

func viewKey(k *directory.AccessKey) accessKeyDTO {
	d := accessKeyDTO{k.ID, k.Secret, k.OwnerID, moment(k.CreatedAt), keyRevoked, moment(k.UsedAt), k.PoolID, k.Enabled}
	if k.Enabled {
		d.Status = keyActivated
	}
	return d
}

func (a *API) getAccessKeyList(ctx context.Context, in *GetAccessKeyListParams) ([]accessKeyDTO, error) {
	f := directory.KeyFilter{OwnerID: value(in.UserID), TenantID: value(in.TenantID), Kind: value(in.Type)}
	activated, revoked := slices.Contains(in.Status, keyActivated), slices.Contains(in.Status, keyRevoked)
	switch {
	case len(in.Status) > 0 && !activated && !revoked:
		return nil, nil
	case activated != revoked:
		f.Enabled = &activated
	}
	keys, err := a.Directory.AccessKeys(ctx, poolOf(ctx), f)
	list := make([]accessKeyDTO, len(keys))
	for i := range keys {
		list[i] = viewKey(&keys[i])
	}
	return list, err
}

// getAccessKey answers with a list of the one key, as the contract has it.
func (a *API) getAccessKey(ctx context.Context, in *GetAccessKeyParams) ([]accessKeyDTO, error) {
	k, err := a.Directory.AccessKey(ctx, poolOf(ctx), in.AccessKeyID)
	if err != nil {
		return nil, err
	}
	if owner := value(in.UserID); owner != "" && owner != k.OwnerID {
		return nil, directory.ErrKeyNotFound
	}
	return []accessKeyDTO{viewKey(k)}, nil
}

// createAccessKey answers with a list of the one key, as the contract has it.
func (a *API) createAccessKey(ctx context.Context, in *CreateAccessKeyDto) ([]accessKeyDTO, error) {
	k, err := a.Directory.CreateKey(ctx, poolOf(ctx), directory.NewKey{Kind: in.Type, OwnerID: value(in.UserID), TenantID: value(in.TenantID)})
	if err != nil {
		return nil, err
	}
	return []accessKeyDTO{viewKey(k)}, nil
}

func (a *API) updateAccessKey(ctx context.Context, in *UpdateAccessKeyDto) (success, error) {
	return succeeded(a.Directory.EnableKey(ctx, poolOf(ctx), in.AccessKeyID, in.Enable))
}

func (a *API) deleteAccessKey(ctx context.Context, in *DeleteAccessKeyDto) (struct{}, error) {
	return struct{}{}, a.Directory.DeleteKey(ctx, poolOf(ctx), in.AccessKeyID)
}

// managementTokenDTO is AccessTokenResDto; times are seconds.
type managementTokenDTO struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"`
}

// getManagementToken exchanges a key and its secret for a token, so that clients need not sign.
func (a *API) getManagementToken(ctx context.Context, in *GetManagementTokenParams) (*managementTokenDTO, error) {
	t, err := a.Signin.ManagementToken(ctx, in.AccessKeyID, in.AccessKeySecret, true)
	if err != nil {
		return nil, err
	}
	return &managementTokenDTO{t.Text, t.ExpiresAt - t.IssuedAt}, nil
}
