package v3

import (
	"context"
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// securityOperations are about how a pool guards its doors, and about second factors.
func (a *API) securityOperations() []op.Op {
	key := op.ManagementKey
	return []op.Op{
		op.Get("/api/v3/get-security-settings", "getSecuritySettings", key, a.getSecuritySettings),
		op.Post("/api/v3/update-security-settings", "updateSecuritySettings", key, a.updateSecuritySettings),
		op.Get("/api/v3/get-global-mfa-settings", "getGlobalMfaSettings", key, a.getGlobalMFASettings),
		op.Post("/api/v3/update-global-mfa-settings", "updateGlobalMfaSettings", key, a.updateGlobalMFASettings),
		op.Post("/api/v3/disable-global-mfa-settings", "closeGlobalMfaSettings", key, a.closeGlobalMFASettings),
		op.Post("/api/v3/update-application-mfa-settings", "updateApplicationMfaSettings", key, a.updateApplicationMFASettings),
		op.Get("/api/v3/get-mfa-trigger-data", "getMfaTriggerData", key, a.getMFATriggerData),
	}
}

// securityDTO is SecuritySettingsDto: what holds, whether anybody has set it or not.
type securityDTO struct {
	AllowedOrigins           string                            `json:"allowedOrigins"` // one in a line
	TokenExpiresIn           int64                             `json:"authingTokenExpiresIn"`
	VerifyCodeLength         int64                             `json:"verifyCodeLength"`
	VerifyCodeMaxAttempts    int64                             `json:"verifyCodeMaxAttempts"`
	ChangeEmailStrategy      ChangeEmailStrategyDto            `json:"changeEmailStrategy"`
	ChangePhoneStrategy      ChangePhoneStrategyDto            `json:"changePhoneStrategy"`
	CookieSettings           CookieSettingsDto                 `json:"cookieSettings"`
	RegisterDisabled         bool                              `json:"registerDisabled"`
	RegisterAnomalyDetection RegisterAnomalyDetectionConfigDto `json:"registerAnomalyDetection"`
	CompletePassword         bool                              `json:"completePasswordAfterPassCodeLogin"`
	LoginAnomalyDetection    LoginAnomalyDetectionConfigDto    `json:"loginAnomalyDetection"`
	LoginRequireVerified     bool                              `json:"loginRequireEmailVerified"`
	SelfUnlockAccount        SelfUnlockAccountConfigDto        `json:"selfUnlockAccount"`
	EnableAccountSwitch      bool                              `json:"enableLoginAccountSwitch"`
	QRCodeLoginStrategy      QrcodeLoginStrategyDto            `json:"qrcodeLoginStrategy"`
}

func (a *API) getSecuritySettings(ctx context.Context, _ *struct{}) (*securityDTO, error) {
	t, err := a.Signin.SecuritySettings(ctx, poolOf(ctx), nil)
	if err != nil {
		return nil, err
	}
	password := func(r *directory.RateSetting) *LoginPassowrdFailCheckConfigDto {
		return &LoginPassowrdFailCheckConfigDto{*r.Enabled, *r.Limit, *r.TimeInterval, r.Unit}
	}
	fail := t.LoginFailCheck
	return &securityDTO{AllowedOrigins: *t.AllowedOrigins, TokenExpiresIn: *t.TokenExpiresAfter, VerifyCodeLength: *t.VerifyCodeLength,
		VerifyCodeMaxAttempts: *t.VerifyCodeMaxAttempts, ChangeEmailStrategy: ChangeEmailStrategyDto{*t.ChangeEmail.VerifyOldEmail},
		ChangePhoneStrategy: ChangePhoneStrategyDto{*t.ChangePhone.VerifyOldPhone},
		CookieSettings:      CookieSettingsDto{*t.Cookie.ExpiresIn, *t.Cookie.OnBrowserSession}, RegisterDisabled: *t.RegisterDisabled,
		RegisterAnomalyDetection: RegisterAnomalyDetectionConfigDto{*t.FrequentRegisterCheck.Enabled, *t.FrequentRegisterCheck.Limit, *t.FrequentRegisterCheck.TimeInterval},
		CompletePassword:         *t.CompletePassword,
		LoginAnomalyDetection: LoginAnomalyDetectionConfigDto{LoginFailStrategy: t.LoginFailStrategy, RobotVerify: t.RobotVerify, AccountLock: t.AccountLock,
			LoginFailCheck:         &LoginFailCheckConfigDto{*fail.Enabled, *fail.Limit, *fail.TimeInterval, fail.Unit},
			LoginPasswordFailCheck: password(t.LoginPasswordFailCheck), AccountLockLoginPasswordFailCheck: password(t.AccountLockCheck),
			RobotVerifyLoginPasswordFailCheck: password(t.RobotCheck),
			RobotVerifyLoginIPWhitelistCheck:  &LoginIpWhitelistCheckConfigDto{*t.RobotAddresses.Enabled, t.RobotAddresses.IPWhitelist},
			RobotVerifyLoginTimeCheckEnable:   t.RobotTimes, RobotVerifyloginWeekStartEndTime: t.RobotWeek},
		LoginRequireVerified: *t.LoginRequireEmailVerified, SelfUnlockAccount: SelfUnlockAccountConfigDto{*t.SelfUnlock.Enabled, *t.SelfUnlock.Strategy},
		EnableAccountSwitch: *t.AccountSwitch,
		QRCodeLoginStrategy: QrcodeLoginStrategyDto{*t.QRCodeLogin.ExpiresAfter, t.QRCodeLogin.ExpiresAfterUnit, *t.QRCodeLogin.TicketExpiresAfter,
			t.QRCodeLogin.TicketExpiresUnit, *t.QRCodeLogin.ExchangeInBrowser, *t.QRCodeLogin.ReturnFullUserInfo}}, nil
}

func (a *API) updateSecuritySettings(ctx context.Context, in *UpdateSecuritySettingsDto) (*securityDTO, error) {
	t := directory.SecuritySettings{TokenExpiresAfter: in.AuthingTokenExpiresIn, VerifyCodeLength: in.VerifyCodeLength,
		VerifyCodeMaxAttempts: in.VerifyCodeMaxAttempts, RegisterDisabled: in.RegisterDisabled, CompletePassword: in.CompletePasswordAfterPassCodeLogin,
		LoginRequireEmailVerified: in.LoginRequireEmailVerified, AccountSwitch: in.EnableLoginAccountSwitch}
	if in.AllowedOrigins != nil {
		for _, origin := range in.AllowedOrigins {
			if err := signin.CheckOrigin(origin); err != nil {
				return nil, err
			}
		}
		lines := strings.Join(in.AllowedOrigins, "\n")
		t.AllowedOrigins = &lines
	}
	if c := in.ChangeEmailStrategy; c != nil {
		t.ChangeEmail = &directory.EmailChange{VerifyOldEmail: &c.VerifyOldEmail}
	}
	if c := in.ChangePhoneStrategy; c != nil {
		t.ChangePhone = &directory.PhoneChange{VerifyOldPhone: &c.VerifyOldPhone}
	}
	if c := in.CookieSettings; c != nil {
		t.Cookie = &directory.CookieLife{ExpiresIn: &c.CookieExpiresIn, OnBrowserSession: &c.CookieExpiresOnBrowserSession}
	}
	if r := in.RegisterAnomalyDetection; r != nil {
		t.FrequentRegisterCheck = &directory.RateSetting{Enabled: &r.Enabled, Limit: &r.Limit, TimeInterval: &r.TimeInterval}
	}
	if u := in.SelfUnlockAccount; u != nil {
		t.SelfUnlock = &directory.SelfUnlock{Enabled: &u.Enabled, Strategy: &u.Strategy}
	}
	if q := in.QrcodeLoginStrategy; q != nil {
		t.QRCodeLogin = &directory.QRCodeLogin{ExpiresAfter: &q.QrcodeExpiresIn, ExpiresAfterUnit: q.QrcodeExpiresInUnit, TicketExpiresAfter: &q.TicketExpiresIn,
			TicketExpiresUnit: q.TicketExpiresInUnit, ReturnFullUserInfo: &q.ReturnFullUserInfo, ExchangeInBrowser: &q.AllowExchangeUserInfoFromBrowser}
	}
	d := &in.LoginAnomalyDetection
	t.LoginFailStrategy, t.RobotVerify, t.AccountLock, t.RobotTimes = d.LoginFailStrategy, d.RobotVerify, d.AccountLock, d.RobotVerifyLoginTimeCheckEnable
	if r := d.LoginFailCheck; r != nil {
		t.LoginFailCheck = &directory.RateSetting{Enabled: &r.Enabled, Limit: &r.Limit, TimeInterval: &r.TimeInterval, Unit: r.Unit}
	}
	for _, f := range []struct {
		to   **directory.RateSetting
		from *LoginPassowrdFailCheckConfigDto
	}{{&t.LoginPasswordFailCheck, d.LoginPasswordFailCheck}, {&t.AccountLockCheck, d.AccountLockLoginPasswordFailCheck},
		{&t.RobotCheck, d.RobotVerifyLoginPasswordFailCheck}} {
		if r := f.from; r != nil {
			*f.to = &directory.RateSetting{Enabled: &r.Enabled, Limit: &r.Limit, TimeInterval: &r.TimeInterval, Unit: r.Unit}
		}
	}
	if w := d.RobotVerifyLoginIPWhitelistCheck; w != nil {
		t.RobotAddresses = &directory.AddressCheck{Enabled: &w.Enabled, IPWhitelist: w.IPWhitelist}
	}
	t.RobotWeek = d.RobotVerifyloginWeekStartEndTime
	if _, err := a.Directory.UpdatePool(ctx, poolOf(ctx), directory.PoolPatch{Settings: directory.PoolSettings{SecuritySettings: t}}); err != nil {
		return nil, err
	}
	return a.getSecuritySettings(ctx, nil)
}

type factorsDTO struct {
	EnabledFactors []string `json:"enabledFactors"`
}

// passkey is a second factor that the wire has no word for where factors are set; it keeps its place.
const passkey = "PASSKEY"

func (a *API) getGlobalMFASettings(ctx context.Context, _ *struct{}) (factorsDTO, error) {
	t, err := a.Signin.SecuritySettings(ctx, poolOf(ctx), nil)
	if err != nil {
		return factorsDTO{}, err
	}
	return factorsDTO{t.Factors}, nil
}

// updateGlobalMFASettings sets which factors the pool demands one of; none, and it demands none.
func (a *API) updateGlobalMFASettings(ctx context.Context, in *MFASettingsDto) (factorsDTO, error) {
	if in.EnabledFactors == nil {
		return factorsDTO{}, fault.Field("enabledFactors")
	}
	return a.setGlobalFactors(ctx, func(had []string) []string { return withPasskey(in.EnabledFactors, had) })
}

func (a *API) closeGlobalMFASettings(ctx context.Context, in *MFADisableSettingsDto) (factorsDTO, error) {
	return a.setGlobalFactors(ctx, func(had []string) []string { return without(had, in.DisableFactors) })
}

func (a *API) setGlobalFactors(ctx context.Context, change func(had []string) []string) (factorsDTO, error) {
	var factors []string
	err := a.DB.Tx(ctx, func(ctx context.Context) error {
		t, err := a.Signin.SecuritySettings(ctx, poolOf(ctx), nil)
		if err != nil {
			return err
		}
		factors = change(t.Factors)
		if factors == nil {
			factors = []string{}
		}
		if err := signin.CheckFactors(&factors); err != nil {
			return err
		}
		settings := directory.PoolSettings{SecuritySettings: directory.SecuritySettings{Factors: factors}}
		_, err = a.Directory.UpdatePool(ctx, poolOf(ctx), directory.PoolPatch{Settings: settings})
		return err
	})
	return factorsDTO{listOf(factors)}, err
}

func withPasskey(list, had []string) []string {
	if slices.Contains(had, passkey) && !slices.Contains(list, passkey) {
		return append(slices.Clone(list), passkey)
	}
	return slices.Clone(list)
}

func without(list, gone []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(f string) bool { return slices.Contains(gone, f) })
}

// updateApplicationMFASettings turns factors of one application on and off: from then on what the pool demands does not hold there. One
// that is both is off.
func (a *API) updateApplicationMFASettings(ctx context.Context, in *UpdateApplicationMfaSettingsDto) (factorsDTO, error) {
	if in.EnabledFactors == nil && in.DisabledFactors == nil {
		return factorsDTO{}, fault.Field("enabledFactors")
	}
	app, err := a.Signin.PoolApplication(ctx, poolOf(ctx), in.AppID)
	if err != nil {
		return factorsDTO{}, err
	}
	policy, err := a.Signin.Policy(ctx, app)
	if err != nil {
		return factorsDTO{}, err
	}
	app, err = a.Signin.UpdateApplication(ctx, poolOf(ctx), in.AppID, signin.ApplicationPatch{Settings: func(t *signin.AppSettings) error {
		had := policy.Factors
		if t.Factors != nil {
			had = *t.Factors
		}
		list := slices.Clone(had)
		for _, f := range in.EnabledFactors {
			if !slices.Contains(list, f) {
				list = append(list, f)
			}
		}
		list = without(list, in.DisabledFactors)
		if list == nil {
			list = []string{}
		}
		t.Factors = &list
		return nil
	}})
	if err != nil {
		return factorsDTO{}, err
	}
	return factorsDTO{listOf(*app.Settings.Factors)}, nil
}

// getMFATriggerData tells what the sign-in of a user to an application would ask for. Only a sign-in has a token.
func (a *API) getMFATriggerData(ctx context.Context, in *GetMfaTriggerDataParams) (*mfaStatusDTO, error) {
	u, err := a.user(ctx, in.UserIDType, in.UserID)
	if err != nil {
		return nil, err
	}
	app, err := a.Signin.PoolApplication(ctx, caller.From(ctx).PoolID, in.AppID)
	if err != nil {
		return nil, err
	}
	s, err := a.getUserMFAStatus(ctx, &GetUserMfaStatusParams{UserID: u.ID, UserIDType: "user_id"})
	if err != nil {
		return nil, err
	}
	policy, err := a.Signin.Policy(ctx, app)
	if err != nil {
		return nil, err
	}
	s.ApplicationMFA = make([]ApplicationMfaDto, len(policy.Factors))
	for i, f := range policy.Factors {
		s.ApplicationMFA[i] = ApplicationMfaDto{MFAPolicy: f, Status: 1, Sort: int64(i)}
	}
	return s, nil
}
