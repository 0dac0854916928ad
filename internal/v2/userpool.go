package v2

import (
	"context"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// userPool is the type UserPool. Settings that nobody has made are null where the schema lets them, and false or empty where it
// does not; those of PoolSettings that may not be null stand here in their place. The secrets are nobody's to read: the schema
// wants texts, and they are empty.
type userPool struct {
	ID                   string         `json:"id"`
	Name                 string         `json:"name"`
	Domain               string         `json:"domain"`
	Secret               string         `json:"secret"`
	JWTSecret            string         `json:"jwtSecret"`
	OwnerID              *string        `json:"ownerId"`
	Types                []userPoolType `json:"userpoolTypes"`
	Logo                 string         `json:"logo"`
	CreatedAt            string         `json:"createdAt"`
	UpdatedAt            string         `json:"updatedAt"`
	EmailVerifiedDefault bool           `json:"emailVerifiedDefault"`
	SendWelcomeEmail     bool           `json:"sendWelcomeEmail"`
	RegisterDisabled     bool           `json:"registerDisabled"`
	AppSSOEnabled        bool           `json:"appSsoEnabled"`
	ShowWxQRCode         *bool          `json:"showWxQRCodeWhenRegisterDisabled"`
	IsDeleted            bool           `json:"isDeleted"`
	Whitelist            whitelistState `json:"whitelist"`
	PackageType          *int64         `json:"packageType"`
	UseCustomUserStore   *bool          `json:"useCustomUserStore"`
	directory.PoolSettings
}

// userPoolType is the type UserPoolType. A type has nothing but its code.
type userPoolType struct {
	Code        string   `json:"code"`
	Name        string   `json:"name"`
	Description *string  `json:"description"`
	Image       *string  `json:"image"`
	SDKs        []string `json:"sdks"`
}

// whitelistState is the type RegisterWhiteListConfig: clients read its switches without asking whether it is there.
type whitelistState struct {
	Phone    bool `json:"phoneEnabled"`
	Email    bool `json:"emailEnabled"`
	Username bool `json:"usernameEnabled"`
}

func (a *API) viewPool(p *directory.Pool) *userPool {
	s := p.Settings
	v := &userPool{ID: p.ID, Name: p.Name, CreatedAt: isoTime(p.CreatedAt), UpdatedAt: isoTime(p.UpdatedAt), PoolSettings: s,
		EmailVerifiedDefault: isTrue(s.EmailVerifiedDefault), SendWelcomeEmail: isTrue(s.SendWelcomeEmail),
		RegisterDisabled: isTrue(s.RegisterDisabled), AppSSOEnabled: isTrue(s.AppSSOEnabled)}
	if s.Domain != nil {
		v.Domain = *s.Domain
	} else if u, err := url.Parse(a.baseURL); err == nil {
		v.Domain = u.Host
	}
	if s.Logo != nil {
		v.Logo = *s.Logo
	}
	if w := s.Whitelist; w != nil {
		v.Whitelist = whitelistState{isTrue(w.Phone), isTrue(w.Email), isTrue(w.Username)}
	}
	if s.Types != nil {
		v.Types = make([]userPoolType, len(*s.Types))
		for i, code := range *s.Types {
			v.Types[i] = userPoolType{Code: code, Name: code}
		}
	}
	return v
}

func isTrue(b *bool) bool { return b != nil && *b }

// userpool answers the pool of the caller.
func (a *API) userpool(ctx context.Context, _ *struct{}) (*userPool, error) {
	p, err := a.dir.Pool(ctx, caller.From(ctx).PoolID)
	if err != nil {
		return nil, err
	}
	return a.viewPool(p), nil
}

type updateUserpoolInput struct {
	Input struct {
		Name *string `json:"name"`
		directory.PoolSettings
	} `json:"input"`
}

// updateUserpool changes the settings that it is given, also inside a group of them, and leaves the others.
func (a *API) updateUserpool(ctx context.Context, in *updateUserpoolInput) (*userPool, error) {
	p, err := a.dir.UpdatePool(ctx, caller.From(ctx).PoolID, directory.PoolPatch{Name: in.Input.Name, Settings: in.Input.PoolSettings})
	if err != nil {
		return nil, err
	}
	return a.viewPool(p), nil
}

// refreshUserpoolSecret answers the new secret, the only time that it is shown.
func (a *API) refreshUserpoolSecret(ctx context.Context, _ *struct{}) (string, error) {
	return a.dir.RefreshPoolSecret(ctx, caller.From(ctx).PoolID)
}

// envVariable is a variable of the pool's programs.
type envVariable struct {
	Key       string         `json:"key"`
	Value     jsontext.Value `json:"value"`
	CreatedAt string         `json:"createdAt"`
	UpdatedAt string         `json:"updatedAt"`
}

func (a *API) listEnv(ctx context.Context, _ *struct{}) ([]envVariable, error) {
	list, err := a.dir.Env(ctx, caller.From(ctx).PoolID)
	if err != nil {
		return nil, err
	}
	views := make([]envVariable, len(list))
	for i, v := range list {
		views[i] = envVariable{v.Key, v.Value, isoTime(v.CreatedAt), isoTime(v.UpdatedAt)}
	}
	return views, nil
}

type addEnvInput struct {
	Key   string         `json:"key" rule:"required"`
	Value jsontext.Value `json:"value"`
}

// addEnv sets a variable and answers all of them.
func (a *API) addEnv(ctx context.Context, in *addEnvInput) ([]envVariable, error) {
	if err := a.dir.SetEnv(ctx, caller.From(ctx).PoolID, in.Key, in.Value); err != nil {
		return nil, err
	}
	return a.listEnv(ctx, nil)
}

type envPathInput struct {
	Key string `path:"key"`
}

// removeEnv removes a variable and answers the others.
func (a *API) removeEnv(ctx context.Context, in *envPathInput) ([]envVariable, error) {
	if err := a.dir.RemoveEnv(ctx, caller.From(ctx).PoolID, in.Key); err != nil {
		return nil, err
	}
	return a.listEnv(ctx, nil)
}
