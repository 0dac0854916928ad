package v3

import (
	"context"

	"github.com/go-json-experiment/json"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
)

type mfaInfoDTO struct {
	TOTPStatus    string `json:"totpStatus"`
	FaceMFAStatus string `json:"faceMfaStatus"`
	SMSMFAStatus  string `json:"smsMfaStatus"`
	EmailStatus   string `json:"emailMfaStatus"`
}

// getUserMfaInfo tells what the user has enrolled. Faces are not offered.
func (a *API) getUserMfaInfo(ctx context.Context, in *GetUserMfaInfoParams) (*mfaInfoDTO, error) {
	u, err := a.user(ctx, in.UserIDType, in.UserID)
	if err != nil {
		return nil, err
	}
	const enabled, disabled = "enabled", "disabled"
	info := &mfaInfoDTO{disabled, disabled, disabled, disabled}
	factors, err := a.Signin.Factors(ctx, u.PoolID, u.ID)
	for _, f := range factors {
		switch f.Type {
		case signin.FactorOTP:
			info.TOTPStatus = enabled
		case signin.FactorSMS:
			info.SMSMFAStatus = enabled
		case signin.FactorEmail:
			info.EmailStatus = enabled
		}
	}
	return info, err
}

// mfaStatusDTO is GetMfaInfoDataDto as an answer.
type mfaStatusDTO struct {
	MFAToken            string              `json:"mfaToken"`
	MFAPhone            *string             `json:"mfaPhone"`
	MFAPhoneCountryCode *string             `json:"mfaPhoneCountryCode"`
	MFAEmail            *string             `json:"mfaEmail"`
	Nickname            *string             `json:"nickname"`
	Username            *string             `json:"username"`
	Phone               *string             `json:"phone"`
	PhoneCountryCode    *string             `json:"phoneCountryCode"`
	FaceMFAEnabled      *bool               `json:"faceMfaEnabled"`
	TotpMFAEnabled      *bool               `json:"totpMfaEnabled"`
	ApplicationMFA      []ApplicationMfaDto `json:"applicationMfa"`
}

// setUsersMFAStatus keeps all of the data but the token: it is that of a sign-in, which an administrator does not take part in.
func (a *API) setUsersMFAStatus(ctx context.Context, in *SetMfaStatusDto) (success, error) {
	in.MFATriggerData.MFAToken = nil
	data, err := json.Marshal(in.MFATriggerData)
	if err != nil {
		return success{}, err
	}
	ref := directory.UserRef{Type: in.UserIDType, Value: in.UserID}
	return succeeded(a.Directory.SetMFATrigger(ctx, poolOf(ctx), ref, string(data)))
}

func (a *API) getUserMFAStatus(ctx context.Context, in *GetUserMfaStatusParams) (*mfaStatusDTO, error) {
	u, err := a.user(ctx, in.UserIDType, in.UserID)
	if err != nil {
		return nil, err
	}
	state, err := a.Directory.MFA(ctx, u.PoolID, u.ID)
	if err != nil {
		return nil, err
	}
	s := &mfaStatusDTO{Nickname: text(&u.Nickname), Username: text(&u.Username), Phone: text(&u.Phone),
		PhoneCountryCode: text(&u.PhoneCountryCode), TotpMFAEnabled: &state.TOTP}
	var kept GetMfaInfoDataDto
	if state.TriggerData == "" {
		return s, nil
	}
	if err := json.Unmarshal([]byte(state.TriggerData), &kept); err != nil {
		return nil, err
	}
	s.MFAPhone, s.MFAPhoneCountryCode, s.MFAEmail = kept.MFAPhone, kept.MFAPhoneCountryCode, kept.MFAEmail
	s.FaceMFAEnabled, s.ApplicationMFA = kept.FaceMFAEnabled, kept.ApplicationMFA
	return s, nil
}

func (a *API) importOTP(ctx context.Context, in *ImportOtpReqDto) (struct{}, error) {
	list := make([]directory.UserTOTP, len(in.List))
	for i, o := range in.List {
		list[i] = directory.UserTOTP{UserID: o.UserID, TOTP: directory.TOTP{Secret: o.OTP.Secret, RecoveryCode: value(o.OTP.RecoveryCode)}}
	}
	return struct{}{}, a.Directory.ImportTOTP(ctx, poolOf(ctx), list)
}

type otpSecretDTO struct {
	Secret string `json:"secret"`
}

func (a *API) getOTPSecretByUser(ctx context.Context, in *GetOtpSecretByUserParams) (*otpSecretDTO, error) {
	u, err := a.user(ctx, in.UserIDType, in.UserID)
	if err != nil {
		return nil, err
	}
	t, err := a.Directory.TOTPOf(ctx, u.PoolID, u.ID)
	return &otpSecretDTO{t.Secret}, err
}

type passwordCiphertextDTO struct {
	Ciphertext string `json:"ciphertext"`
}

// getUserPasswordCiphertext tells the stored hash, "" where there is no password.
func (a *API) getUserPasswordCiphertext(ctx context.Context, in *GetUserPasswordCiphertextDto) (*passwordCiphertextDTO, error) {
	users, err := a.Directory.PasswordHashes(ctx, poolOf(ctx), directory.Refs(in.UserIDType, []string{in.UserID}))
	if err != nil {
		return nil, err
	}
	return &passwordCiphertextDTO{users[0].Password}, nil
}

type encryptedPasswordDTO struct {
	UserID            string `json:"userId"`
	EncryptedPassword string `json:"encryptedPassword"`
}

// getUserEncryptPasswordBatch tells the stored hashes. The contract has one object as the answer to a list of users: that
// is what one user is answered with, and several with a list.
func (a *API) getUserEncryptPasswordBatch(ctx context.Context, in *GetUserEncryptPasswordBatchDto) (any, error) {
	users, err := a.Directory.PasswordHashes(ctx, poolOf(ctx), directory.Refs("", in.UserIDs))
	if err != nil {
		return nil, err
	}
	list := make([]encryptedPasswordDTO, len(users))
	for i, u := range users {
		list[i] = encryptedPasswordDTO{u.ID, u.Password}
	}
	if len(list) == 1 {
		return &list[0], nil
	}
	return list, nil
}
