package v3

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// profileOperations are the domain profile: what users do to their own account.
func (a *API) profileOperations() []op.Op {
	user := op.SignedInUser
	return []op.Op{
		op.Get("/api/v3/get-profile", "getProfile", op.UserByAnyToken, a.getProfile),
		op.Post("/api/v3/update-profile", "updateProfile", user, a.updateProfile),
		op.Post("/api/v3/bind-email", "bindEmail", user, a.bindEmail),
		op.Post("/api/v3/unbind-email", "unbindEmail", user, a.unbindEmail),
		op.Post("/api/v3/bind-phone", "bindPhone", user, a.bindPhone),
		op.Post("/api/v3/unbind-phone", "unbindPhone", user, a.unbindPhone),
		op.Get("/api/v3/get-security-info", "getSecurityLevel", user, a.getSecurityLevel),
		op.Post("/api/v3/update-password", "updatePassword", user, a.updatePassword),
		op.Post("/api/v3/verify-update-email-request", "verifyUpdateEmailRequest", user, a.verifyUpdateEmailRequest),
		op.Post("/api/v3/update-email", "updateEmail", user, a.updateEmail),
		op.Post("/api/v3/verify-update-phone-request", "verifyUpdatePhoneRequest", user, a.verifyUpdatePhoneRequest),
		op.Post("/api/v3/update-phone", "updatePhone", user, a.updatePhone),
		op.Post("/api/v3/verify-reset-password-request", "verifyResetPasswordRequest", op.Anyone, a.verifyResetPasswordRequest),
		op.Post("/api/v3/reset-password", "resetPassword", op.Anyone, a.resetPassword),
		op.Post("/api/v3/verify-delete-account-request", "verifyDeleteAccountRequest", user, a.verifyDeleteAccountRequest),
		op.Post("/api/v3/delete-account", "deleteAccount", user, a.deleteAccount),
		op.Post("/api/v3/validate-password", "validatePassword", op.Anyone, a.validatePassword),
	}
}

// me is the identifier of the user who asks.
func me(ctx context.Context) string { return caller.From(ctx).UserID }

type getProfileParams struct {
	WithCustomData    bool `json:"withCustomData"`
	WithIdentities    bool `json:"withIdentities"`
	WithDepartmentIDs bool `json:"withDepartmentIds"`
}

func (a *API) getProfile(ctx context.Context, in *getProfileParams) (*userDTO, error) {
	u, err := a.Directory.User(ctx, poolOf(ctx), directory.ByID(me(ctx)))
	if err != nil {
		return nil, err
	}
	whole := !caller.From(ctx).Limited // no scope stands for where else people are known, and where they work
	return a.viewMe(ctx, u, with{customData: in.WithCustomData, identities: in.WithIdentities && whole, departmentIDs: in.WithDepartmentIDs && whole})
}

// viewMe shows users themselves, as far as their token goes: custom fields only as the pool lets users see them.
func (a *API) viewMe(ctx context.Context, u *directory.User, w with) (*userDTO, error) {
	values := w.customData
	w.customData = false
	d, err := a.viewUser(ctx, u, w)
	if err != nil {
		return nil, err
	}
	scope := caller.From(ctx).Scope
	if values {
		var own []directory.Value
		if granted(scope, "extended_fields", "profile") {
			if own, err = a.Signin.OwnValues(ctx, u.PoolID, u.ID); err != nil {
				return nil, err
			}
		}
		d.CustomData = customDataOf(own)
	}
	d.limit(scope)
	return d, nil
}

// granted reports whether a scope has one of the words. The token of the V2 clients has no scope, and may all.
func granted(scope string, words ...string) bool {
	return scope == "" || slices.ContainsFunc(strings.Fields(scope), func(s string) bool { return slices.Contains(words, s) })
}

// limit leaves of a user what an access token's scope lets be read (auth-notes 4), and what any answer has.
func (d *userDTO) limit(scope string) {
	hide := func(fields ...**string) {
		for _, f := range fields {
			*f = nil
		}
	}
	if !granted(scope, "email") {
		hide(&d.Email)
		d.EmailVerified = false
	}
	if !granted(scope, "phone") {
		hide(&d.Phone, &d.PhoneCountryCode)
		d.PhoneVerified = false
	}
	if !granted(scope, "username", "profile") {
		hide(&d.Username)
	}
	if !granted(scope, "external_id") {
		hide(&d.ExternalID)
	}
	if !granted(scope, "address", "profile") {
		hide(&d.Country, &d.Province, &d.City, &d.Address, &d.StreetAddress, &d.PostalCode, &d.Formatted, &d.Region)
	}
	if !granted(scope, "tenant_id") {
		hide(&d.TenantID)
	}
	if !granted(scope, "profile") {
		hide(&d.Name, &d.Nickname, &d.Photo, &d.Birthdate, &d.Company, &d.Browser, &d.Device, &d.GivenName, &d.FamilyName, &d.MiddleName, &d.Profile,
			&d.PreferredUsername, &d.Website, &d.Zoneinfo, &d.Locale, &d.IdentityNumber, &d.LastIP, &d.LastLoginApp, &d.MainDepartmentID, &d.UserSourceID)
		d.Gender, d.LastLogin, d.LoginsCount, d.PasswordLastSetAt, d.PasswordSecurityLevel = "U", 0, 0, 0, nil
		d.MetadataSource = jsontext.Value("null")
	}
}

type updateProfileRequest struct {
	Name           *string        `json:"name"`
	Nickname       *string        `json:"nickname"`
	Photo          *string        `json:"photo"`
	ExternalID     *string        `json:"externalId"`
	Birthdate      *string        `json:"birthdate"`
	Country        *string        `json:"country"`
	Province       *string        `json:"province"`
	City           *string        `json:"city"`
	Address        *string        `json:"address"`
	StreetAddress  *string        `json:"streetAddress"`
	PostalCode     *string        `json:"postalCode"`
	Gender         *string        `json:"gender" rule:"enum=M|F|U"`
	Username       *string        `json:"username"`
	Company        *string        `json:"company"`
	CustomData     jsontext.Value `json:"customData"`
	IdentityNumber *string        `json:"identityNumber"`
}

func (a *API) updateProfile(ctx context.Context, in *updateProfileRequest) (*userDTO, error) {
	app, err := a.app(ctx)
	if err != nil {
		return nil, err
	}
	p := signin.ProfilePatch{UserInput: directory.UserInput{Name: in.Name, Nickname: in.Nickname, Photo: in.Photo, ExternalID: in.ExternalID,
		Birthdate: in.Birthdate, Country: in.Country, Province: in.Province, City: in.City, Address: in.Address, StreetAddress: in.StreetAddress,
		PostalCode: in.PostalCode, Gender: in.Gender, Username: in.Username, Company: in.Company, IdentityNumber: in.IdentityNumber}}
	if p.Custom, err = objectOf("customData", in.CustomData); err != nil {
		return nil, err
	}
	u, err := a.Signin.UpdateProfile(ctx, app, me(ctx), p)
	if err != nil {
		return nil, err
	}
	return a.viewMe(ctx, u, with{customData: true})
}

type bindEmailRequest struct {
	PassCode string `json:"passCode" rule:"required"`
	Email    string `json:"email" rule:"required"`
}

type bindPhoneRequest struct {
	PassCode         string  `json:"passCode" rule:"required"`
	PhoneNumber      string  `json:"phoneNumber" rule:"required"`
	PhoneCountryCode *string `json:"phoneCountryCode"`
}

type unbindRequest struct {
	PassCode string `json:"passCode" rule:"required"`
}

// none is the answer of operations that have none.
func none(err error) (struct{}, error) { return struct{}{}, err }

func (a *API) bindEmail(ctx context.Context, in *bindEmailRequest) (struct{}, error) {
	return a.bind(ctx, signin.Address{Email: in.Email}, in.PassCode)
}

func (a *API) bindPhone(ctx context.Context, in *bindPhoneRequest) (struct{}, error) {
	return a.bind(ctx, signin.Address{Phone: in.PhoneNumber, PhoneCountryCode: value(in.PhoneCountryCode)}, in.PassCode)
}

func (a *API) bind(ctx context.Context, to signin.Address, code string) (struct{}, error) {
	app, err := a.app(ctx)
	if err != nil {
		return none(err)
	}
	_, err = a.Signin.BindAddress(ctx, app, me(ctx), to, code)
	return none(err)
}

func (a *API) unbindEmail(ctx context.Context, in *unbindRequest) (struct{}, error) {
	return a.unbindAddress(ctx, "email", in.PassCode)
}

func (a *API) unbindPhone(ctx context.Context, in *unbindRequest) (struct{}, error) {
	return a.unbindAddress(ctx, "phone", in.PassCode)
}

func (a *API) unbindAddress(ctx context.Context, kind, code string) (struct{}, error) {
	app, err := a.app(ctx)
	if err != nil {
		return none(err)
	}
	_, err = a.Signin.UnbindAddress(ctx, app, me(ctx), kind, &code)
	return none(err)
}

type securityInfoDTO struct {
	PasswordSecurityLevel int64 `json:"passwordSecurityLevel"`
	MFAEnrolled           bool  `json:"mfaEnrolled"`
	PasswordSet           bool  `json:"passwordSet"`
	EmailBinded           bool  `json:"emailBinded"`
	PhoneBinded           bool  `json:"phoneBinded"`
	SecurityScore         int64 `json:"securityScore"`
}

func (a *API) getSecurityLevel(ctx context.Context, _ *struct{}) (*securityInfoDTO, error) {
	i, err := a.Signin.SecurityInfo(ctx, poolOf(ctx), me(ctx))
	if err != nil {
		return nil, err
	}
	return &securityInfoDTO{i.PasswordLevel, i.MFAEnabled, i.PasswordSet, i.EmailBound, i.PhoneBound, i.Score}, nil
}

type updatePasswordRequest struct {
	NewPassword         string  `json:"newPassword" rule:"required"`
	OldPassword         *string `json:"oldPassword"`
	PasswordEncryptType string  `json:"passwordEncryptType" rule:"enum=sm2|rsa|none,default=none"`
	PasswordResetToken  *string `json:"passwordResetToken"`
}

func (a *API) updatePassword(ctx context.Context, in *updatePasswordRequest) (struct{}, error) {
	app, err := a.app(ctx)
	if err != nil {
		return none(err)
	}
	c := signin.PasswordChange{ResetToken: value(in.PasswordResetToken), Keep: caller.From(ctx).SessionID}
	if c.New, err = a.plain(ctx, in.PasswordEncryptType, in.NewPassword); err != nil {
		return none(err)
	}
	if value(in.OldPassword) != "" {
		if c.Old, err = a.plain(ctx, in.PasswordEncryptType, *in.OldPassword); err != nil {
			return none(err)
		}
	}
	_, err = a.Signin.UpdatePassword(ctx, app, me(ctx), c)
	return none(err)
}

type updateEmailCodes struct {
	NewEmail         string  `json:"newEmail" rule:"required"`
	NewEmailPassCode string  `json:"newEmailPassCode" rule:"required"`
	OldEmail         *string `json:"oldEmail"`
	OldEmailPassCode *string `json:"oldEmailPassCode"`
}

type verifyUpdateEmailRequest struct {
	EmailPassCodePayload updateEmailCodes `json:"emailPassCodePayload" rule:"required"`
	VerifyMethod         string           `json:"verifyMethod" rule:"required,enum=EMAIL_PASSCODE"`
}

type updateEmailToken struct {
	UpdateEmailToken string `json:"updateEmailToken"`
	TokenExpiresIn   int64  `json:"tokenExpiresIn"` // seconds
}

func (a *API) verifyUpdateEmailRequest(ctx context.Context, in *verifyUpdateEmailRequest) (*updateEmailToken, error) {
	p := &in.EmailPassCodePayload
	token, life, err := a.proveUpdate(ctx, signin.AddressChange{New: signin.Address{Email: p.NewEmail}, NewCode: p.NewEmailPassCode,
		Old: signin.Address{Email: value(p.OldEmail)}, OldCode: value(p.OldEmailPassCode)})
	return &updateEmailToken{token, seconds(life)}, err
}

func (a *API) proveUpdate(ctx context.Context, c signin.AddressChange) (string, time.Duration, error) {
	app, err := a.app(ctx)
	if err != nil {
		return "", 0, err
	}
	return a.Signin.ProveUpdate(ctx, app, me(ctx), c)
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

type updateEmailRequest struct {
	UpdateEmailToken string `json:"updateEmailToken" rule:"required"`
}

func (a *API) updateEmail(ctx context.Context, in *updateEmailRequest) (success, error) {
	return a.updateProven(ctx, "email", in.UpdateEmailToken)
}

func (a *API) updateProven(ctx context.Context, kind, token string) (success, error) {
	app, err := a.app(ctx)
	if err != nil {
		return success{}, err
	}
	_, err = a.Signin.UpdateProven(ctx, app, me(ctx), kind, token)
	return succeeded(err)
}

type updatePhoneCodes struct {
	NewPhoneNumber      string  `json:"newPhoneNumber" rule:"required"`
	NewPhonePassCode    string  `json:"newPhonePassCode" rule:"required"`
	NewPhoneCountryCode *string `json:"newPhoneCountryCode"`
	OldPhoneNumber      *string `json:"oldPhoneNumber"`
	OldPhonePassCode    *string `json:"oldPhonePassCode"`
	OldPhoneCountryCode *string `json:"oldPhoneCountryCode"`
}

type verifyUpdatePhoneRequest struct {
	PhonePassCodePayload updatePhoneCodes `json:"phonePassCodePayload" rule:"required"`
	VerifyMethod         string           `json:"verifyMethod" rule:"required,enum=PHONE_PASSCODE"`
}

type updatePhoneToken struct {
	UpdatePhoneToken string `json:"updatePhoneToken"`
	TokenExpiresIn   int64  `json:"tokenExpiresIn"` // seconds
}

func (a *API) verifyUpdatePhoneRequest(ctx context.Context, in *verifyUpdatePhoneRequest) (*updatePhoneToken, error) {
	p := &in.PhonePassCodePayload
	token, life, err := a.proveUpdate(ctx, signin.AddressChange{
		New: signin.Address{Phone: p.NewPhoneNumber, PhoneCountryCode: value(p.NewPhoneCountryCode)}, NewCode: p.NewPhonePassCode,
		Old: signin.Address{Phone: value(p.OldPhoneNumber), PhoneCountryCode: value(p.OldPhoneCountryCode)}, OldCode: value(p.OldPhonePassCode)})
	return &updatePhoneToken{token, seconds(life)}, err
}

type updatePhoneRequest struct {
	UpdatePhoneToken string `json:"updatePhoneToken" rule:"required"`
}

func (a *API) updatePhone(ctx context.Context, in *updatePhoneRequest) (success, error) {
	return a.updateProven(ctx, "phone", in.UpdatePhoneToken)
}

type phoneCode struct {
	PhoneNumber      string  `json:"phoneNumber" rule:"required"`
	PassCode         string  `json:"passCode" rule:"required"`
	PhoneCountryCode *string `json:"phoneCountryCode"`
}

func (p *phoneCode) address() signin.Address {
	return signin.Address{Phone: p.PhoneNumber, PhoneCountryCode: value(p.PhoneCountryCode)}
}

type emailCode struct {
	Email    *string `json:"email"`
	PassCode string  `json:"passCode" rule:"required"`
}

type verifyResetPasswordRequest struct {
	VerifyMethod         string     `json:"verifyMethod" rule:"required,enum=EMAIL_PASSCODE|PHONE_PASSCODE"`
	PhonePassCodePayload *phoneCode `json:"phonePassCodePayload"`
	EmailPassCodePayload *emailCode `json:"emailPassCodePayload"`
}

type passwordResetToken struct {
	PasswordResetToken string `json:"passwordResetToken"`
	TokenExpiresIn     int64  `json:"tokenExpiresIn"` // seconds
}

func (a *API) verifyResetPasswordRequest(ctx context.Context, in *verifyResetPasswordRequest) (*passwordResetToken, error) {
	app, err := a.app(ctx)
	if err != nil {
		return nil, err
	}
	var to signin.Address
	var code string
	switch {
	case in.VerifyMethod == "EMAIL_PASSCODE" && in.EmailPassCodePayload != nil:
		to.Email, code = value(in.EmailPassCodePayload.Email), in.EmailPassCodePayload.PassCode
		if to.Email == "" {
			return nil, fault.Field("email")
		}
	case in.VerifyMethod == "EMAIL_PASSCODE":
		return nil, fault.Field("emailPassCodePayload")
	case in.PhonePassCodePayload != nil:
		to, code = in.PhonePassCodePayload.address(), in.PhonePassCodePayload.PassCode
	default:
		return nil, fault.Field("phonePassCodePayload")
	}
	token, _, life, err := a.Signin.StartReset(ctx, app, to, code)
	return &passwordResetToken{token, seconds(life)}, err
}

type resetPasswordRequest struct {
	Password            string `json:"password" rule:"required"`
	PasswordResetToken  string `json:"passwordResetToken" rule:"required"`
	PasswordEncryptType string `json:"passwordEncryptType" rule:"enum=sm2|rsa|none,default=none"`
}

func (a *API) resetPassword(ctx context.Context, in *resetPasswordRequest) (success, error) {
	app, err := a.app(ctx)
	if err != nil {
		return success{}, err
	}
	password, err := a.plain(ctx, in.PasswordEncryptType, in.Password)
	if err != nil {
		return success{}, err
	}
	_, err = a.Signin.ResetPassword(ctx, app, in.PasswordResetToken, password)
	return succeeded(err)
}

type ownPassword struct {
	Password            string `json:"password" rule:"required"`
	PasswordEncryptType string `json:"passwordEncryptType" rule:"enum=sm2|rsa|none,default=none"`
}

type verifyDeleteAccountRequest struct {
	VerifyMethod         string       `json:"verifyMethod" rule:"required,enum=PHONE_PASSCODE|EMAIL_PASSCODE|PASSWORD"`
	PhonePassCodePayload *phoneCode   `json:"phonePassCodePayload"`
	EmailPassCodePayload *emailCode   `json:"emailPassCodePayload"`
	PasswordPayload      *ownPassword `json:"passwordPayload"`
}

type deleteAccountToken struct {
	DeleteAccountToken string `json:"deleteAccountToken"`
	TokenExpiresIn     int64  `json:"tokenExpiresIn"` // seconds
}

func (a *API) verifyDeleteAccountRequest(ctx context.Context, in *verifyDeleteAccountRequest) (*deleteAccountToken, error) {
	app, err := a.app(ctx)
	if err != nil {
		return nil, err
	}
	var proof signin.DeletionProof
	switch {
	case in.VerifyMethod == "PASSWORD" && in.PasswordPayload != nil:
		if proof.Password, err = a.plain(ctx, in.PasswordPayload.PasswordEncryptType, in.PasswordPayload.Password); err != nil {
			return nil, err
		}
	case in.VerifyMethod == "PASSWORD":
		return nil, fault.Field("passwordPayload")
	case in.VerifyMethod == "EMAIL_PASSCODE" && in.EmailPassCodePayload != nil:
		proof.Address.Email, proof.Code = value(in.EmailPassCodePayload.Email), in.EmailPassCodePayload.PassCode
	case in.VerifyMethod == "EMAIL_PASSCODE":
		return nil, fault.Field("emailPassCodePayload")
	case in.PhonePassCodePayload != nil:
		proof.Address, proof.Code = in.PhonePassCodePayload.address(), in.PhonePassCodePayload.PassCode
	default:
		return nil, fault.Field("phonePassCodePayload")
	}
	token, life, err := a.Signin.ProveDeletion(ctx, app, me(ctx), proof)
	return &deleteAccountToken{token, seconds(life)}, err
}

type deleteAccountRequest struct {
	DeleteAccountToken string `json:"deleteAccountToken" rule:"required"`
}

func (a *API) deleteAccount(ctx context.Context, in *deleteAccountRequest) (success, error) {
	app, err := a.app(ctx)
	if err != nil {
		return success{}, err
	}
	return succeeded(a.Signin.DeleteAccount(ctx, app, me(ctx), in.DeleteAccountToken))
}

type validatePasswordRequest struct {
	Phone               *string `json:"phone"`
	Email               *string `json:"email"`
	Username            *string `json:"username"`
	PhoneCountryCode    *string `json:"phoneCountryCode"`
	Password            *string `json:"password"`
	PasswordEncryptType string  `json:"passwordEncryptType" rule:"enum=sm2|rsa|none,default=none"`
}

type validPassword struct {
	Valid bool `json:"valid"`
}

// validatePassword tells whether an account has a password: of several names e-mail counts before number before user name. It passes
// the guard of sign-ins, so that nobody guesses here who would be stopped there.
func (a *API) validatePassword(ctx context.Context, in *validatePasswordRequest) (validPassword, error) {
	app, err := a.app(ctx)
	if err != nil {
		return validPassword{}, err
	}
	attempt := signin.Attempt{Method: signin.ByPassword}
	switch {
	case value(in.Email) != "":
		attempt.Email = *in.Email
	case value(in.Phone) != "":
		attempt.Phone, attempt.PhoneCountryCode = *in.Phone, value(in.PhoneCountryCode)
	case value(in.Username) != "":
		attempt.Username = *in.Username
	default:
		return validPassword{}, fault.Field("username")
	}
	if attempt.Password, err = a.plain(ctx, in.PasswordEncryptType, value(in.Password)); err != nil {
		return validPassword{}, err
	}
	ok, err := a.Signin.CheckAccount(ctx, app, attempt)
	return validPassword{ok}, err
}
