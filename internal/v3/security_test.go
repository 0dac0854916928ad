package v3

import (
	"testing"
)

const (
	didFactors = `200 {"enabledFactors":`

	// What holds where nobody has set anything.
	plainSecurity = `{"allowedOrigins":"","authingTokenExpiresIn":1209600,"verifyCodeLength":6,"verifyCodeMaxAttempts":5,"changeEmailStrategy":{"verifyOldEmail":true},
		"changePhoneStrategy":{"verifyOldPhone":true},"cookieSettings":{"cookieExpiresIn":1209600,"cookieExpiresOnBrowserSession":false},"registerDisabled":false,
		"registerAnomalyDetection":{"enabled":false,"limit":100,"timeInterval":300},"completePasswordAfterPassCodeLogin":false,
		"loginAnomalyDetection":{"loginFailStrategy":"captcha","robotVerify":"condition_set","accountLock":"condition_set",
			"loginFailCheck":{"enabled":true,"limit":50,"timeInterval":300,"unit":"Second"},"loginPasswordFailCheck":{"enabled":true,"limit":5,"timeInterval":300,"unit":"Second"},
			"accountLockLoginPasswordFailCheck":{"enabled":true,"limit":10,"timeInterval":900,"unit":"Second"},
			"robotVerifyLoginPasswordFailCheck":{"enabled":true,"limit":5,"timeInterval":300,"unit":"Second"},
			"robotVerifyLoginIpWhitelistCheck":{"enabled":false,"ipWhitelist":""},"robotVerifyLoginTimeCheckEnable":false,"robotVerifyloginWeekStartEndTime":[]},
		"loginRequireEmailVerified":false,"selfUnlockAccount":{"enabled":true,"strategy":"captcha"},"enableLoginAccountSwitch":false,
		"qrcodeLoginStrategy":{"qrcodeExpiresIn":120,"qrcodeExpiresInUnit":"Second","ticketExpiresIn":300,"ticketExpiresInUnit":"Second",
			"allowExchangeUserInfoFromBrowser":false,"returnFullUserInfo":false}}`

	// All of it set, in the words of the request and of the answer.
	fullSecurity = `"authingTokenExpiresIn":3600,"verifyCodeLength":4,"verifyCodeMaxAttempts":3,"changeEmailStrategy":{"verifyOldEmail":false},
		"changePhoneStrategy":{"verifyOldPhone":false},"cookieSettings":{"cookieExpiresIn":7200,"cookieExpiresOnBrowserSession":true},"registerDisabled":true,
		"registerAnomalyDetection":{"enabled":true,"limit":3,"timeInterval":60},"completePasswordAfterPassCodeLogin":true,
		"loginAnomalyDetection":{"loginFailStrategy":"block-account","robotVerify":"always_enable","accountLock":"disable",
			"loginFailCheck":{"enabled":false,"limit":1,"timeInterval":2,"unit":"Minute"},"loginPasswordFailCheck":{"enabled":true,"limit":3,"timeInterval":4,"unit":"Hour"},
			"accountLockLoginPasswordFailCheck":{"enabled":true,"limit":5,"timeInterval":6,"unit":"Day"},
			"robotVerifyLoginPasswordFailCheck":{"enabled":false,"limit":7,"timeInterval":8,"unit":"Second"},
			"robotVerifyLoginIpWhitelistCheck":{"enabled":true,"ipWhitelist":"192.0.2.0/24"},"robotVerifyLoginTimeCheckEnable":true,"robotVerifyloginWeekStartEndTime":["1 08:00-18:00"]},
		"loginRequireEmailVerified":true,"selfUnlockAccount":{"enabled":false,"strategy":"password-captcha"},"enableLoginAccountSwitch":true,
		"qrcodeLoginStrategy":{"qrcodeExpiresIn":60,"qrcodeExpiresInUnit":"Minute","ticketExpiresIn":70,"ticketExpiresInUnit":"Hour",
			"allowExchangeUserInfoFromBrowser":true,"returnFullUserInfo":true}`
)

var securitySteps = []step{
	{"getSecuritySettings", ``, `200 ` + plainSecurity, ""},
	{"updateSecuritySettings", `{}`, `200 ` + plainSecurity, ""},
	{"updateSecuritySettings", `{"allowedOrigins":["https://a.example.com","https://*.b.example.com"],` + fullSecurity + `}`,
		`200 {"allowedOrigins":"https://a.example.com\nhttps://*.b.example.com",` + fullSecurity + `}`, ""},
	{"getSecuritySettings", ``, `200 {"allowedOrigins":"https://a.example.com\nhttps://*.b.example.com",` + fullSecurity + `}`, ""},
	{"updateSecuritySettings", `{"registerDisabled":false,"loginAnomalyDetection":{"robotVerify":"disable"}}`,
		`200 {"registerDisabled":false,"verifyCodeLength":4,"loginAnomalyDetection":{"robotVerify":"disable","accountLock":"disable"}}`, ""},
	{"updateSecuritySettings", `{"allowedOrigins":["*"]}`, `400 参数 allowedOrigins 格式错误`, ""},
	{"updateSecuritySettings", `{"allowedOrigins":["https://a.example.com/path"]}`, `400 参数 allowedOrigins 格式错误`, ""},
	{"updateSecuritySettings", `{"verifyCodeLength":3}`, `400 参数 verifyCodeLength 格式错误`, ""},
	{"updateSecuritySettings", `{"verifyCodeLength":99}`, `400 参数 verifyCodeLength 格式错误`, ""},
	{"updateSecuritySettings", `{"verifyCodeMaxAttempts":0}`, `400`, ""},
	{"updateSecuritySettings", `{"authingTokenExpiresIn":-1}`, `400`, ""},
	{"updateSecuritySettings", `{"cookieSettings":{"cookieExpiresIn":1,"cookieExpiresOnBrowserSession":false}}`, `400`, ""},
	{"updateSecuritySettings", `{"cookieSettings":{"cookieExpiresIn":600}}`, `400 参数 cookieExpiresOnBrowserSession 格式错误`, ""},
	{"updateSecuritySettings", `{"loginAnomalyDetection":{"robotVerify":"sometimes"}}`, `400 参数 robotVerify 格式错误`, ""},
	{"updateSecuritySettings", `{"selfUnlockAccount":{"enabled":true,"strategy":"magic"}}`, `400 参数 strategy 格式错误`, ""},
	{"updateSecuritySettings", `{"loginAnomalyDetection":{"loginFailCheck":{"enabled":true,"limit":-1,"timeInterval":1}}}`, `400`, ""},

	{"createUser", `{"username":"ann","nickname":"Annie"}`, `200`, "ann=userId"},
	{"getGlobalMfaSettings", ``, didFactors + `[]}`, ""},
	{"updateGlobalMfaSettings", `{"enabledFactors":["OTP","EMAIL"]}`, didFactors + `["OTP","EMAIL"]}`, ""},
	{"updateGlobalMfaSettings", `{"enabledFactors":["FACE"]}`, `501 暂不支持认证因素 FACE`, ""},
	{"updateGlobalMfaSettings", `{"enabledFactors":["OTP","OTP"]}`, `400 参数 enabledFactors 格式错误`, ""},
	{"updateGlobalMfaSettings", `{"enabledFactors":["PIN"]}`, `400 参数 enabledFactors 格式错误`, ""},
	{"updateGlobalMfaSettings", `{}`, `400 参数 enabledFactors 格式错误`, ""},
	{"getGlobalMfaSettings", ``, didFactors + `["OTP","EMAIL"]}`, ""},
	{"getMfaTriggerData", `{"appId":"{app}","userId":"{ann}"}`, `200 {"mfaToken":"","nickname":"Annie","username":"ann","totpMfaEnabled":false,
		"applicationMfa":[{"mfaPolicy":"OTP","status":1,"sort":0},{"mfaPolicy":"EMAIL","status":1,"sort":1}]}`, ""},
	{"closeGlobalMfaSettings", `{"disableFactors":["OTP","FACE"]}`, didFactors + `["EMAIL"]}`, ""},
	{"closeGlobalMfaSettings", `{}`, `400 参数 disableFactors 格式错误`, ""},
	{"updateApplicationMfaSettings", `{"appId":"{app}","enabledFactors":["SMS"],"disabledFactors":["EMAIL"]}`, didFactors + `["SMS"]}`, ""},
	{"getMfaTriggerData", `{"appId":"{app}","userId":"ann","userIdType":"username"}`, `200 {"applicationMfa":[{"mfaPolicy":"SMS","status":1,"sort":0}]}`, ""},
	{"updateApplicationMfaSettings", `{"appId":"{app}","disabledFactors":["SMS"]}`, didFactors + `[]}`, ""},
	{"getMfaTriggerData", `{"appId":"{app}","userId":"{ann}"}`, `200 {"applicationMfa":[]}`, ""},
	{"updateApplicationMfaSettings", `{"appId":"{app}"}`, `400 参数 enabledFactors 格式错误`, ""},
	{"updateApplicationMfaSettings", `{"appId":"{app}","enabledFactors":["FACE"]}`, `501 暂不支持认证因素 FACE`, ""},
	{"updateApplicationMfaSettings", `{"appId":"{nobody}","enabledFactors":["OTP"]}`, noApp, ""},
	{"getMfaTriggerData", `{"appId":"{app}","userId":"{nobody}"}`, noUser, ""},
	{"getMfaTriggerData", `{"appId":"{nobody}","userId":"{ann}"}`, noApp, ""},
}

func TestSecuritySettings(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		other := h.Pool(t, "second")
		s := newScript(t, h.client())
		s.names["app"] = h.pool.AppID
		s.run(t, securitySteps)
		s.assertComplete(t, "security", nil, []string{"getSecuritySettings"})
		s.assertComplete(t, "mfa", nil, []string{"getGlobalMfaSettings"})
		if p, err := h.Signin.PoolPolicy(t.Context(), other.ID); err != nil || p.RegisterShut || p.CodeLength != 6 {
			t.Errorf("the other pool's policy is %+v, %v", p, err)
		}
	})
}
