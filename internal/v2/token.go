package v2

import (
	"context"
	"unicode"
	"unicode/utf8"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// accessToken is the types AccessTokenRes and RefreshAccessTokenRes. Times are unix seconds.
type accessToken struct {
	AccessToken string `json:"accessToken"`
	ExpiresAt   int64  `json:"exp"`
	IssuedAt    int64  `json:"iat"`
}

func viewAccessToken(t *signin.Token) *accessToken {
	return &accessToken{t.Text, t.ExpiresAt, t.IssuedAt}
}

type accessTokenInput struct {
	UserPoolID string `json:"userPoolId"`
	Secret     string `json:"secret"`
}

// accessToken exchanges the pool's secret, or an access key and its own, for a management token.
func (a *API) accessToken(ctx context.Context, in *accessTokenInput) (*accessToken, error) {
	t, err := a.signin.ManagementToken(ctx, in.UserPoolID, in.Secret, false)
	if err != nil {
		return nil, err
	}
	return viewAccessToken(t), nil
}

type refreshAccessTokenInput struct {
	AccessToken string `json:"accessToken"`
}

// refreshAccessToken exchanges a management token, the argument or the bearer, for a fresh one.
func (a *API) refreshAccessToken(ctx context.Context, in *refreshAccessTokenInput) (*accessToken, error) {
	token := in.AccessToken
	if token == "" {
		token = bearingOf(ctx).token
	}
	t, err := a.signin.RenewManagementToken(ctx, token)
	if err != nil {
		return nil, err
	}
	return viewAccessToken(t), nil
}

// userToken is the type RefreshToken. Times are unix seconds.
type userToken struct {
	Token     string `json:"token"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
}

// refreshToken makes a fresh token of a user, for the application that the request names or the pool's first one.
func (a *API) refreshToken(ctx context.Context, in *idInput) (*userToken, error) {
	c := caller.From(ctx)
	id, err := in.own(c)
	if err != nil {
		return nil, err
	}
	t, err := a.signin.UserToken(ctx, c.PoolID, id, c.AppID)
	if err != nil {
		return nil, err
	}
	return &userToken{t.Text, t.IssuedAt, t.ExpiresAt}, nil
}

// tokenStatus is the type JWTTokenStatus: its code is 200 for a valid token and the wire's number for an invalid one.
type tokenStatus struct {
	Code    int           `json:"code"`
	Message string        `json:"message"`
	Status  bool          `json:"status"`
	Exp     *int64        `json:"exp"`
	Iat     *int64        `json:"iat"`
	Data    *tokenSubject `json:"data"`
}

type tokenSubject struct {
	ID         string `json:"id"`
	UserPoolID string `json:"userPoolId"`
	ARN        string `json:"arn"`
}

type tokenInput struct {
	Token string `json:"token"`
}

// checkLoginStatus tells whether a user's token, the argument or the bearer, is valid.
func (a *API) checkLoginStatus(ctx context.Context, in *tokenInput) (*tokenStatus, error) {
	token := in.Token
	if token == "" {
		token = bearingOf(ctx).token
	}
	c := caller.From(ctx)
	claims, u, err := a.signin.User(ctx, token)
	if fault.KindOf(err) == fault.Unauthenticated {
		told := refusalOf(signin.ErrTokenInvalid, c)
		return &tokenStatus{Code: told.code, Message: told.text}, nil
	}
	if err != nil {
		return nil, err
	}
	message := "已登录"
	if english(c) {
		message = "Logged in"
	}
	status := &tokenStatus{Code: 200, Message: message, Status: true, Data: &tokenSubject{u.ID, u.PoolID, signin.ARN(u.PoolID, u.ID)}}
	if claims.Expiry != nil {
		status.Exp = new(claims.Expiry.Time().Unix())
	}
	if claims.IssuedAt != nil {
		status.Iat = new(claims.IssuedAt.Time().Unix())
	}
	return status, nil
}

type validateTokenInput struct {
	IDToken     string `json:"id_token"`
	AccessToken string `json:"access_token"`
}

// validateToken answers the claims of a token of ours that is valid, as they stand in it.
func (a *API) validateToken(ctx context.Context, in *validateTokenInput) (raw, error) {
	token := in.IDToken
	if token == "" {
		token = in.AccessToken
	}
	claims, err := a.signin.ValidToken(ctx, token)
	if fault.KindOf(err) == fault.Unauthenticated {
		err = errTokenUnreadable
	}
	return raw(claims), err
}

type wellKnown struct {
	PublicKey string `json:"publicKey"`
	Version   string `json:"version"`
}

// publicKey answers the key that clients encrypt passwords to.
func (a *API) publicKey(ctx context.Context, _ *struct{}) (*wellKnown, error) {
	c := caller.From(ctx)
	if c.PoolID == "" {
		return nil, directory.ErrPoolNotFound
	}
	keys, err := a.dir.Keys(ctx, c.PoolID)
	if err != nil {
		return nil, err
	}
	return &wellKnown{keys.RSAPublic, a.version}, nil
}

type appPathInput struct {
	AppID string `path:"appId"`
}

type passwordInput struct {
	Password string `json:"password"`
}

type passwordStrength struct {
	Valid   bool    `json:"valid"`
	Message *string `json:"message"`
}

// checkPasswordStrength rates a password. The wire pins only that Passw0rd! is strong and asdas21asd is not, and that any
// password of six characters may still be set (v2-notes 4): this rule is stricter, and advice.
func (a *API) checkPasswordStrength(ctx context.Context, in *passwordInput) (*passwordStrength, error) {
	if strong(in.Password) {
		return &passwordStrength{Valid: true}, nil
	}
	message := "密码强度不足：至少 8 个字符，并包含大写字母、小写字母、数字、符号中的至少三种"
	if english(caller.From(ctx)) {
		message = "The password is weak: use at least 8 characters and three of upper case, lower case, digits and symbols"
	}
	return &passwordStrength{Message: &message}, nil
}

func strong(password string) bool {
	var lower, upper, digit, other int
	for _, r := range password {
		switch {
		case unicode.IsLower(r):
			lower = 1
		case unicode.IsUpper(r):
			upper = 1
		case unicode.IsDigit(r):
			digit = 1
		default:
			other = 1
		}
	}
	return utf8.RuneCountInString(password) >= 8 && lower+upper+digit+other >= 3
}
