package v3

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// passkeyOperations are the domain passkey of the authentication client. Those of administrators want the pool's key.
func (a *API) passkeyOperations() []op.Op {
	user, key, anyone := op.SignedInUser, op.ManagementKey, op.Anyone
	return []op.Op{
		op.Get("/api/v3/webauthn/authentication", "initAuthenticationOptions", anyone, a.initAuthenticationOptions),
		op.Post("/api/v3/webauthn/authentication", "verifyAuthentication", anyone, a.verifyAuthentication),
		op.Post("/api/v3/webauthn/login/initialize", "webAuthnLoginInitalize", anyone, a.webAuthnLoginInitialize),
		op.Post("/api/v3/webauthn/login/finalize", "webAuthnLoginFinalize", anyone, a.webAuthnLoginFinalize),
		op.Get("/api/v3/webauthn/registration", "initRegisterOptions", user, a.initRegisterOptions),
		op.Post("/api/v3/webauthn/registration", "verifyRegister", user, a.verifyRegister),
		op.Post("/api/v3/webauthn/registration/initialize", "webAuthnRegisterInitalize", user, a.webAuthnRegisterInitialize),
		op.Post("/api/v3/webauthn/registration/finalize", "webAuthnRegisterFinalize", user, a.webAuthnRegisterFinalize),
		op.Query("/api/v3/webauthn/page-authenticator-device", "listCredentialsByPage", user, a.listCredentialsByPage),
		op.Query("/api/v3/webauthn/check-valid-credentials-by-credIds", "checkValidCredentialsByCredIds", user, a.checkValidCredentials),
		op.Post("/api/v3/webauthn/remove-credentials-by-authenticator-code", "removeAllCredentials", user, a.removeAllCredentials),
		op.Post("/api/v3/webauthn/remove-credential/{credentialID}", "removeCredential", user, a.removeCredential),
		op.Get("/api/v3/webauthn/credentials", "listWebAuthnCredentials", user, a.listWebAuthnCredentials),
		op.Put("/api/v3/webauthn/credentials/{credentialId}", "updateWebAuthnCredential", user, a.updateWebAuthnCredential),
		op.Delete("/api/v3/webauthn/credentials/{credentialId}", "deleteWebAuthnCredential", user, a.deleteWebAuthnCredential),

		op.Post("/api/v3/webauthn/admin/initialize", "webAuthnAdminInitialize", key, a.webAuthnAdminInitialize),
		op.Post("/api/v3/webauthn/admin/registration/finalize", "webAuthnAdminRegisterFinalize", key, a.webAuthnAdminRegisterFinalize),
		op.Put("/api/v3/webauthn/admin/credentials/{credentialId}", "updateWebAuthnAdminCredential", key, a.updateWebAuthnAdminCredential),
		op.Delete("/api/v3/webauthn/admin/credentials/{credentialId}/{userId}/{appId}", "deleteWebAuthnAdminCredential", key, a.deleteWebAuthnAdminCredential),
		op.Get("/api/v3/webauthn/person/credentials", "listWebAuthnPersonCredentials", op.KeyOrUser, a.listWebAuthnPersonCredentials),
	}
}

// registrationOptionsDTO and authenticationOptionsDTO begin a ceremony for the typed operations.
type registrationOptionsDTO struct {
	Ticket              string         `json:"ticket"`
	RegistrationOptions jsontext.Value `json:"registrationOptions"`
}

type authenticationOptionsDTO struct {
	Ticket                string         `json:"ticket"`
	AuthenticationOptions jsontext.Value `json:"authenticationOptions"`
}

// passkeyOptionsDTO begins a ceremony for the vendor's component, as navigator.credentials wants it.
type passkeyOptionsDTO struct {
	Ticket    string         `json:"ticket"`
	PublicKey jsontext.Value `json:"publicKey"`
}

func viewOptions(o *signin.PasskeyOptions, err error) (*passkeyOptionsDTO, error) {
	if err != nil {
		return nil, err
	}
	return &passkeyOptionsDTO{o.Ticket, jsontext.Value(o.PublicKey)}, nil
}

// withList is JSON options with a list that the contract wants even where it is empty.
func withList(options json.RawMessage, name string) (jsontext.Value, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(options, &members); err != nil {
		return nil, err
	}
	if members[name] == nil {
		members[name] = json.RawMessage("[]")
	}
	text, err := json.Marshal(members)
	return jsontext.Value(text), err
}

type passkeyAccountParams struct {
	Account *string `json:"account" rule:"len=512"` // ours: whose passkeys are asked for; without it the browser offers what it has
}

func (a *API) initAuthenticationOptions(ctx context.Context, in *passkeyAccountParams) (*authenticationOptionsDTO, error) {
	app, err := a.app(ctx)
	if err != nil {
		return nil, err
	}
	o, err := a.Signin.StartPasskeyLogin(ctx, app, value(in.Account))
	if err != nil {
		return nil, err
	}
	return &authenticationOptionsDTO{o.Ticket, jsontext.Value(o.PublicKey)}, nil
}

func (a *API) webAuthnLoginInitialize(ctx context.Context, in *passkeyAccountParams) (*passkeyOptionsDTO, error) {
	app, err := a.app(ctx)
	if err != nil {
		return nil, err
	}
	return viewOptions(a.Signin.StartPasskeyLogin(ctx, app, value(in.Account)))
}

type passkeySignInOptions struct {
	Scope *string `json:"scope"`
}

type verifyAuthenticationDto struct {
	Ticket                   string               `json:"ticket" rule:"required"`
	AuthenticationCredential jsontext.Value       `json:"authenticationCredential" rule:"required"`
	Options                  passkeySignInOptions `json:"options"`
}

type passkeyResultDTO struct {
	Verified bool      `json:"verified"`
	TokenSet *tokenSet `json:"tokenSet,omitzero"`
}

func (a *API) verifyAuthentication(ctx context.Context, in *verifyAuthenticationDto) (*passkeyResultDTO, error) {
	out, err := a.passkeySignIn(ctx, in.Ticket, in.AuthenticationCredential, in.Options)
	if err != nil {
		return nil, err
	}
	return &out.passkeyResultDTO, nil
}

type finalizeLoginDto struct {
	Ticket     string               `json:"ticket" rule:"required"`
	Credential jsontext.Value       `json:"credential" rule:"required"`
	Options    passkeySignInOptions `json:"options"`
}

// passkeyUserDTO is the answer to the component, which wants the user with their token as every sign-in answers them.
type passkeyUserDTO struct {
	passkeyResultDTO
	ID               string  `json:"id"`
	UserPoolID       string  `json:"userPoolId"`
	Status           string  `json:"status"`
	Username         *string `json:"username"`
	Email            *string `json:"email"`
	EmailVerified    bool    `json:"emailVerified"`
	Phone            *string `json:"phone"`
	PhoneCountryCode *string `json:"phoneCountryCode"`
	PhoneVerified    bool    `json:"phoneVerified"`
	Nickname         *string `json:"nickname"`
	Name             *string `json:"name"`
	Photo            *string `json:"photo"`
	Token            string  `json:"token"`
	TokenExpiredAt   string  `json:"tokenExpiredAt"`
}

func (a *API) webAuthnLoginFinalize(ctx context.Context, in *finalizeLoginDto) (*passkeyUserDTO, error) {
	return a.passkeySignIn(ctx, in.Ticket, in.Credential, in.Options)
}

// passkeySignIn signs in by passkey: the browser gets the session's cookie, the client tokens. The wire has no place for the
// application's secret here; that the page is one of the application's is what the passkey itself has signed.
func (a *API) passkeySignIn(ctx context.Context, ticket string, credential jsontext.Value, o passkeySignInOptions) (*passkeyUserDTO, error) {
	app, err := a.app(ctx)
	if err != nil {
		return nil, err
	}
	b := browser.From(ctx)
	out, err := a.Signin.PasskeyLogin(ctx, app, ticket, credential, signin.Proof{Cookie: b.Session(app.PoolID)})
	if err != nil {
		return nil, err
	}
	if out.Step != nil {
		return nil, pending(out.Step)
	}
	policy, err := a.Signin.Policy(ctx, app)
	if err != nil {
		return nil, err
	}
	b.SetSession(out.Session, out.Cookie, policy.CookieLife != 0)
	scope := strings.Fields(value(o.Scope))
	if len(scope) == 0 {
		scope = strings.Fields(defaultScope)
	}
	set, err := a.Signin.IssueTokens(ctx, signin.TokenOrder{App: app, User: out.User, Session: out.Session, Scope: scope, Refresh: true})
	if err != nil {
		return nil, err
	}
	t, err := a.Signin.V2Token(ctx, app, out.Session, out.User)
	if err != nil {
		return nil, err
	}
	u := out.User
	photo := u.Photo
	if photo == "" {
		photo = a.DefaultPhoto
	}
	return &passkeyUserDTO{passkeyResultDTO: passkeyResultDTO{true, viewTokens(set)}, ID: u.ID, UserPoolID: u.PoolID, Status: string(u.Status),
		Username: text(&u.Username), Email: text(&u.Email), EmailVerified: u.EmailVerified, Phone: text(&u.Phone),
		PhoneCountryCode: text(&u.PhoneCountryCode), PhoneVerified: u.PhoneVerified, Nickname: text(&u.Nickname), Name: text(&u.Name), Photo: text(&photo),
		Token: t.Text, TokenExpiredAt: moment(t.ExpiresAt * 1000).String()}, nil
}

func (a *API) initRegisterOptions(ctx context.Context, _ *struct{}) (*registrationOptionsDTO, error) {
	app, u, err := a.self(ctx)
	if err != nil {
		return nil, err
	}
	o, err := a.Signin.StartPasskey(ctx, app, u, false)
	if err != nil {
		return nil, err
	}
	options, err := withList(o.PublicKey, "excludeCredentials")
	return &registrationOptionsDTO{o.Ticket, options}, err
}

func (a *API) webAuthnRegisterInitialize(ctx context.Context, _ *struct{}) (*passkeyOptionsDTO, error) {
	app, u, err := a.self(ctx)
	if err != nil {
		return nil, err
	}
	return viewOptions(a.Signin.StartPasskey(ctx, app, u, false))
}

type verifyRegistrationDto struct {
	Ticket                 string         `json:"ticket" rule:"required"`
	RegistrationCredential jsontext.Value `json:"registrationCredential" rule:"required"`
	AuthenticatorCode      string         `json:"authenticatorCode" rule:"enum=fingerprint|face|other,default=other"`
}

func (a *API) verifyRegister(ctx context.Context, in *verifyRegistrationDto) (*verifiedDTO, error) {
	app, u, err := a.self(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := a.Signin.FinishPasskey(ctx, app, u, in.Ticket, in.RegistrationCredential, in.AuthenticatorCode, ""); err != nil {
		return nil, err
	}
	return &verifiedDTO{true}, nil
}

// finalizeRegistrationDto is ours: the contract has no body for it. Both names of the credential are taken.
type finalizeRegistrationDto struct {
	Ticket                 string         `json:"ticket" rule:"required"`
	Credential             jsontext.Value `json:"credential"`
	RegistrationCredential jsontext.Value `json:"registrationCredential"`
	AuthenticatorCode      string         `json:"authenticatorCode" rule:"enum=fingerprint|face|other,default=other"`
	Name                   *string        `json:"name"`
	UserID                 *string        `json:"userId"` // of administrators' calls
	AppID                  *string        `json:"appId"`
}

func (in *finalizeRegistrationDto) credential() jsontext.Value {
	if len(in.Credential) > 0 {
		return in.Credential
	}
	return in.RegistrationCredential
}

func (a *API) webAuthnRegisterFinalize(ctx context.Context, in *finalizeRegistrationDto) (*passkeyDTO, error) {
	app, u, err := a.self(ctx)
	if err != nil {
		return nil, err
	}
	return viewPasskey(a.Signin.FinishPasskey(ctx, app, u, in.Ticket, in.credential(), in.AuthenticatorCode, value(in.Name)))
}

// passkeyDTO is a passkey as lists show it; the contract leaves its form open.
type passkeyDTO struct {
	ID                string `json:"id"`
	CredentialID      string `json:"credentialId"`
	Name              string `json:"name"`
	UserID            string `json:"userId"`
	AppID             string `json:"appId"`
	RPID              string `json:"rpId"`
	AuthenticatorCode string `json:"authenticatorCode"`
	SecondFactor      bool   `json:"mfa"`
	Suspicious        bool   `json:"cloneWarning"`
	CreatedAt         string `json:"createdAt"`
	LastUsedAt        string `json:"lastUsedAt,omitzero"`
}

func viewPasskey(k *signin.Passkey, err error) (*passkeyDTO, error) {
	if err != nil {
		return nil, err
	}
	d := &passkeyDTO{ID: k.ID, CredentialID: k.CredentialID, Name: k.Name, UserID: k.UserID, AppID: k.AppID, RPID: k.RPID, AuthenticatorCode: k.Kind,
		SecondFactor: k.SecondFactor, Suspicious: k.ClonedAt != 0, CreatedAt: moment(k.CreatedAt).String()}
	if k.UsedAt != 0 {
		d.LastUsedAt = moment(k.UsedAt).String()
	}
	return d, nil
}

// listPasskeys is a page of a user's passkeys, of one application when appID is given.
func (a *API) listPasskeys(ctx context.Context, userID, appID string, page, limit int64) (*Page[*passkeyDTO], error) {
	keys, err := a.Signin.Passkeys(ctx, poolOf(ctx), userID)
	if err != nil {
		return nil, err
	}
	out := &Page[*passkeyDTO]{List: []*passkeyDTO{}}
	for i := range keys {
		if appID != "" && keys[i].AppID != appID {
			continue
		}
		out.TotalCount++
		if n := out.TotalCount; n > (page-1)*limit && n <= page*limit {
			d, _ := viewPasskey(&keys[i], nil)
			out.List = append(out.List, d)
		}
	}
	return out, nil
}

type pageParams struct {
	Page  int64 `json:"page" rule:"default=1,min=1,max=2147483647"`
	Limit int64 `json:"limit" rule:"default=10,min=1,max=50"`
}

func (a *API) listWebAuthnCredentials(ctx context.Context, in *pageParams) (*Page[*passkeyDTO], error) {
	return a.listPasskeys(ctx, me(ctx), "", in.Page, in.Limit)
}

func (a *API) listCredentialsByPage(ctx context.Context, in *pageParams) (*Page[*passkeyDTO], error) {
	return a.listPasskeys(ctx, me(ctx), "", in.Page, in.Limit)
}

// flat is the op.Wire of listCredentialsByPage: the contract has its page beside the envelope's members, and clients look for it in data too.
type flat struct{ wire }

// Succeed answers with the page in both places.
func (f flat) Succeed(w http.ResponseWriter, r *http.Request, o *op.Op, c *caller.Caller, data any) {
	page, ok := data.(*Page[*passkeyDTO])
	if !ok {
		f.wire.Succeed(w, r, o, c, data)
		return
	}
	b := op.NewAnswer()
	_ = b.Encode(struct {
		StatusCode int                `json:"statusCode"`
		Message    string             `json:"message"`
		TotalCount int64              `json:"totalCount"`
		List       []*passkeyDTO      `json:"list"`
		Data       *Page[*passkeyDTO] `json:"data"`
	}{200, "", page.TotalCount, page.List, page})
	b.Send(w)
}

type checkCredentialsDto struct {
	CredIDs       []string `json:"credIds" rule:"items=50"`
	CredentialIDs []string `json:"credentialIds" rule:"items=50"`
}

func (a *API) checkValidCredentials(ctx context.Context, in *checkCredentialsDto) ([]string, error) {
	return a.Signin.KnownPasskeys(ctx, poolOf(ctx), me(ctx), append(in.CredIDs, in.CredentialIDs...))
}

type removeCredentialsDto struct {
	AuthenticatorCode *string `json:"authenticatorCode"`
}

// removeAllCredentials removes the caller's passkeys, or those of one kind.
func (a *API) removeAllCredentials(ctx context.Context, in *removeCredentialsDto) (success, error) {
	_, err := a.Signin.RemovePasskeys(ctx, poolOf(ctx), me(ctx), value(in.AuthenticatorCode))
	return succeeded(err)
}

// passkeyID is the identifier that a path holds. The node client sends the placeholder as it stands; an identifier in the body is taken in
// its place, and without one the caller is told.
func passkeyID(path string, body *string) (string, error) {
	if !strings.HasPrefix(path, "{") {
		return path, nil
	}
	if id := value(body); id != "" && !strings.HasPrefix(id, "{") {
		return id, nil
	}
	return "", fault.New(fault.Invalid, "passkey_id_literal")
}

type removeCredentialDto struct {
	Path string  `path:"credentialID"`
	ID   *string `json:"credentialId"`
}

func (a *API) removeCredential(ctx context.Context, in *removeCredentialDto) (success, error) {
	id, err := passkeyID(in.Path, in.ID)
	if err != nil {
		return success{}, err
	}
	return succeeded(a.Signin.RemovePasskey(ctx, poolOf(ctx), me(ctx), id))
}

type updatePasskeyDto struct {
	Path string  `path:"credentialId"`
	ID   *string `json:"credentialId"`
	Name string  `json:"name" rule:"required,len=128"`
}

func (a *API) updateWebAuthnCredential(ctx context.Context, in *updatePasskeyDto) (success, error) {
	id, err := passkeyID(in.Path, in.ID)
	if err != nil {
		return success{}, err
	}
	return succeeded(a.Signin.RenamePasskey(ctx, poolOf(ctx), me(ctx), id, in.Name))
}

type deletePasskeyParams struct {
	Path string `path:"credentialId"`
}

func (a *API) deleteWebAuthnCredential(ctx context.Context, in *deletePasskeyParams) (success, error) {
	id, err := passkeyID(in.Path, nil)
	if err != nil {
		return success{}, err
	}
	return succeeded(a.Signin.RemovePasskey(ctx, poolOf(ctx), me(ctx), id))
}

type adminPasskeyDto struct {
	UserID string  `json:"userId" rule:"required"`
	AppID  *string `json:"appId"`
}

// adminPasskey is the user and the application that an administrator's call is about.
func (a *API) adminPasskey(ctx context.Context, userID string, appID *string) (*signin.Application, *directory.User, error) {
	u, err := a.Directory.User(ctx, poolOf(ctx), directory.ByID(userID))
	if err != nil {
		return nil, nil, err
	}
	var app *signin.Application
	if id := value(appID); id != "" {
		app, err = a.Signin.PoolApplication(ctx, u.PoolID, id)
	} else {
		app, err = a.Signin.FirstApplication(ctx, u.PoolID)
	}
	return app, u, err
}

func (a *API) webAuthnAdminInitialize(ctx context.Context, in *adminPasskeyDto) (*passkeyOptionsDTO, error) {
	app, u, err := a.adminPasskey(ctx, in.UserID, in.AppID)
	if err != nil {
		return nil, err
	}
	return viewOptions(a.Signin.StartPasskey(ctx, app, u, false))
}

func (a *API) webAuthnAdminRegisterFinalize(ctx context.Context, in *finalizeRegistrationDto) (*passkeyDTO, error) {
	if value(in.UserID) == "" {
		return nil, fault.Field("userId")
	}
	app, u, err := a.adminPasskey(ctx, *in.UserID, in.AppID)
	if err != nil {
		return nil, err
	}
	return viewPasskey(a.Signin.FinishPasskey(ctx, app, u, in.Ticket, in.credential(), in.AuthenticatorCode, value(in.Name)))
}

func (a *API) updateWebAuthnAdminCredential(ctx context.Context, in *updatePasskeyDto) (success, error) {
	id, err := passkeyID(in.Path, in.ID)
	if err != nil {
		return success{}, err
	}
	holder, err := a.Signin.PasskeyHolder(ctx, poolOf(ctx), id)
	if err != nil {
		return success{}, err
	}
	return succeeded(a.Signin.RenamePasskey(ctx, poolOf(ctx), holder, id, in.Name))
}

type deleteAdminPasskeyParams struct {
	Path   string `path:"credentialId"`
	UserID string `path:"userId"`
	AppID  string `path:"appId"`
}

func (a *API) deleteWebAuthnAdminCredential(ctx context.Context, in *deleteAdminPasskeyParams) (success, error) {
	id, err := passkeyID(in.Path, nil)
	if err != nil {
		return success{}, err
	}
	k, err := a.Signin.Passkey(ctx, poolOf(ctx), in.UserID, id)
	if err != nil {
		return success{}, err
	}
	if k.AppID != in.AppID {
		return success{}, signin.ErrPasskeyNotFound
	}
	return succeeded(a.Signin.RemovePasskey(ctx, poolOf(ctx), k.UserID, k.ID))
}

type personPasskeysParams struct {
	UserID string  `json:"userId" rule:"required"`
	AppID  *string `json:"appId"`
	Page   int64   `json:"page" rule:"default=1,min=1,max=2147483647"`
	Limit  int64   `json:"limit" rule:"default=10,min=1,max=50"`
}

// listWebAuthnPersonCredentials lists anybody's passkeys for a key of the pool, and their own for a user.
func (a *API) listWebAuthnPersonCredentials(ctx context.Context, in *personPasskeysParams) (*Page[*passkeyDTO], error) {
	c := caller.From(ctx)
	if c.Kind == caller.User && c.UserID != in.UserID {
		return nil, op.ErrForbidden
	}
	if _, err := a.Directory.User(ctx, c.PoolID, directory.ByID(in.UserID)); err != nil {
		return nil, err
	}
	return a.listPasskeys(ctx, in.UserID, value(in.AppID), in.Page, in.Limit)
}
