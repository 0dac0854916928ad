package v3

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
)

const (
	// What an application is that was made with a name alone.
	plainApp = `{"appId":"{plain}","appIdentifier":"*","appName":"Plain","appLogo":"","appDescription":"","appType":"web","userPoolId":"{pool}","isIntegrateApp":false,
		"defaultProtocol":"oidc","redirectUris":[],"logoutRedirectUris":[],"initLoginUri":"","ssoEnabled":true,"ssoEnabledAt":"*",
		"loginConfig":{"mergeLoginAndRegisterPage":false,"enabledBasicLoginMethods":["USERNAME_PASSWORD","EMAIL_PASSWORD","PHONE_PASSWORD","PHONE_CODE","EMAIL_CODE"],
			"defaultLoginMethod":{"connectionType":"PASSWORD","qrcodeType":"SELF_BUILT_APP","qrcodeExtIdpConnId":"","adExtIdpConnId":"","ldapExtIdpConnId":""},
			"enabledExtIdpConns":[],"showAuthorizationPage":false},
		"registerConfig":{"enabledBasicRegisterMethods":["EMAIL_PASSWORD","EMAIL_CODE","PHONE_CODE"],"defaultRegisterMethod":"PASSWORD"},
		"brandingConfig":{"customCSSEnabled":false,"customCSS":"","guardVersion":"Advanced","customLoadingImage":"","customBackground":"","showChangeLanguageButton":true,
			"defaultLanguage":"zh-CN","showForgetPasswordButton":true,"showEnterpriseConnections":true,"showSocialConnections":true,"showAgreement":false,"agreements":[]},
		"oidcConfig":{"client_id":"{plain}","grant_types":["authorization_code","refresh_token","client_credentials"],"response_types":["code"],
			"token_endpoint_auth_method":"client_secret_post","introspection_endpoint_auth_method":"client_secret_post",
			"revocation_endpoint_auth_method":"client_secret_post","id_token_signed_response_alg":"HS256","access_token_signed_response_alg":"RS256",
			"authorization_code_expire":600,"id_token_expire":1209600,"access_token_expire":1209600,"refresh_token_expire":2592000,"skip_consent":true,
			"require_pkce":false,"legacy":false,"backchannel_logout_uri":"","allowed_origins":[],"custom_scopes":[],"custom_claims":{}},
		"samlProviderEnabled":false,"samlConfig":"-","oauthProviderEnabled":false,
		"oauthConfig":{"id":"{plain}","redirect_uris":[],"grants":["authorization_code","refresh_token"],"access_token_lifetime":3600,"refresh_token_lifetime":2592000},
		"casProviderEnabled":false,"casConfig":"-","customBrandingEnabled":false,"customSecurityEnabled":false}`

	// A request that says all there is to say of an application, and what it then is.
	fullChange = `"appName":"Full","appIdentifier":"full-one","appLogo":"https://cdn.example.com/l.png","appDescription":"d",
		"defaultProtocol":"oauth","redirectUris":["https://a.example.com/cb?x=1","http://localhost:3000/cb"],"logoutRedirectUris":["https://a.example.com/out"],
		"initLoginUri":"https://a.example.com/start","ssoEnabled":false,
		"oidcConfig":{"grant_types":["authorization_code","implicit","refresh_token","password","urn:ietf:params:oauth:grant-type:device_code"],
			"response_types":["code","token id_token","code id_token"],"token_endpoint_auth_method":"client_secret_basic",
			"introspection_endpoint_auth_method":"none","revocation_endpoint_auth_method":"client_secret_basic","id_token_signed_response_alg":"ES256",
			"access_token_signed_response_alg":"ES256","authorization_code_expire":60,"id_token_expire":3600,"access_token_expire":3601,"refresh_token_expire":7200,
			"require_pkce":true,"legacy":true,"backchannel_logout_uri":"https://a.example.com/bye","allowed_origins":["https://*.example.com"],
			"custom_scopes":["cars:drive"],"custom_claims":{"nick":"nickname"}},
		"samlProviderEnabled":false,"samlConfig":{"acs":"https://x"},"oauthProviderEnabled":true,
		"oauthConfig":{"redirect_uris":["https://a.example.com/o"],"grants":["authorization_code"],"access_token_lifetime":600,"refresh_token_lifetime":601},
		"casProviderEnabled":false,"casConfig":{"a":1},
		"loginConfig":{"mergeLoginAndRegisterPage":true,"enabledBasicLoginMethods":["PHONE_CODE","SELF_BUILT_APP_QRCODE"],
			"defaultLoginMethod":{"connectionType":"QRCODE","qrcodeType":"SELF_BUILT_APP"},"showAuthorizationPage":true},
		"registerConfig":{"enabledBasicRegisterMethods":["PHONE_CODE"],"defaultRegisterMethod":"PASSCODE"},
		"brandingConfig":{"customCSSEnabled":true,"customCSS":"a{}","guardVersion":"Classical","customLoadingImage":"https://cdn.example.com/i","customBackground":"https://cdn.example.com/b",
			"showChangeLanguageButton":false,"defaultLanguage":"en-US","showForgetPasswordButton":false,"showEnterpriseConnections":false,"showSocialConnections":false}`
	fullApp = `{"appName":"Full","appIdentifier":"full-one","appLogo":"https://cdn.example.com/l.png","appDescription":"d","defaultProtocol":"oauth",
		"redirectUris":["https://a.example.com/cb?x=1","http://localhost:3000/cb"],"logoutRedirectUris":["https://a.example.com/out"],
		"initLoginUri":"https://a.example.com/start","ssoEnabled":false,"ssoEnabledAt":"-",
		"oidcConfig":{"grant_types":["authorization_code","implicit","refresh_token","password","urn:ietf:params:oauth:grant-type:device_code"],
			"response_types":["code","id_token token","code id_token"],"token_endpoint_auth_method":"client_secret_basic",
			"introspection_endpoint_auth_method":"none","revocation_endpoint_auth_method":"client_secret_basic","id_token_signed_response_alg":"ES256",
			"access_token_signed_response_alg":"ES256","authorization_code_expire":60,"id_token_expire":3600,"access_token_expire":3601,"refresh_token_expire":7200,
			"skip_consent":false,"require_pkce":true,"legacy":true,"backchannel_logout_uri":"https://a.example.com/bye","allowed_origins":["https://*.example.com"],
			"custom_scopes":["cars:drive"],"custom_claims":{"nick":"nickname"}},
		"samlProviderEnabled":false,"samlConfig":{"acs":"https://x"},"oauthProviderEnabled":true,
		"oauthConfig":{"redirect_uris":["https://a.example.com/o"],"grants":["authorization_code"],"access_token_lifetime":600,"refresh_token_lifetime":601},
		"casProviderEnabled":false,"casConfig":{"a":1},
		"loginConfig":{"mergeLoginAndRegisterPage":true,"enabledBasicLoginMethods":["PHONE_CODE","SELF_BUILT_APP_QRCODE"],
			"defaultLoginMethod":{"connectionType":"QRCODE","qrcodeType":"SELF_BUILT_APP"},"showAuthorizationPage":true},
		"registerConfig":{"enabledBasicRegisterMethods":["PHONE_CODE"],"defaultRegisterMethod":"PASSCODE"},
		"brandingConfig":{"customCSSEnabled":true,"customCSS":"a{}","guardVersion":"Classical","customLoadingImage":"https://cdn.example.com/i","customBackground":"https://cdn.example.com/b",
			"showChangeLanguageButton":false,"defaultLanguage":"en-US","showForgetPasswordButton":false,"showEnterpriseConnections":false,"showSocialConnections":false},
		"customBrandingEnabled":true}`
)

// applicationSteps run in a pool that has one application, {app}.
var applicationSteps = []step{
	{"createApplication", `{"appName":"Plain"}`, `200`, "plain=appId"},
	{"getApplication", `{"appId":"{plain}"}`, `200 ` + plainApp, ""},
	{"createApplication", `{"appType":"native",` + fullChange + `}`, `200 ` + fullApp, "full=appId"},
	{"getApplication", `{"appId":"{full}"}`, `200 ` + fullApp, ""},
	{"createApplication", `{"appName":"x","appIdentifier":"full-one"}`, `409 应用标识已被占用`, ""},
	{"createApplication", `{"appName":"  "}`, `400 参数 appName 格式错误`, ""},
	{"createApplication", `{}`, `400 参数 appName 格式错误`, ""},
	{"createApplication", `{"appName":"x","appIdentifier":"a b"}`, `400 参数 appIdentifier 格式错误`, ""},
	{"createApplication", `{"appName":"x","appType":"car"}`, `400 参数 appType 格式错误`, ""},
	{"createApplication", `{"appName":"x","appLogo":"javascript:alert(1)"}`, `400 参数 appLogo 格式错误`, ""},
	{"createApplication", `{"appName":"x","redirectUris":["javascript:alert(1)"]}`, `400 回调地址 javascript:alert(1) 不合法`, ""},
	{"createApplication", `{"appName":"x","redirectUris":["/cb"]}`, `400 回调地址 /cb 不合法`, ""},
	{"createApplication", `{"appName":"x","redirectUris":["https://a.example.com/#f"]}`, `400`, ""},
	{"createApplication", `{"appName":"x","redirectUris":["app:cb"]}`, `400`, ""},
	{"createApplication", `{"appName":"x","samlProviderEnabled":true}`, `501 暂不支持协议 saml`, ""},
	{"createApplication", `{"appName":"x","casProviderEnabled":true}`, `501 暂不支持协议 cas`, ""},
	{"createApplication", `{"appName":"x","defaultProtocol":"saml"}`, `501 暂不支持协议 saml`, ""},
	{"createApplication", `{"appName":"x","template":"jira"}`, `404 集成应用模版 jira 不存在`, ""},
	{"createApplication", `{"appName":"x","samlConfig":[]}`, `400 参数 samlConfig 格式错误`, ""},
	{"createApplication", `{"appName":"x","oidcConfig":"x"}`, `400 参数 oidcConfig 格式错误`, ""},
	{"createApplication", `{"appName":"x","oidcConfig":{"colour":1}}`, `400 参数 oidcConfig.colour 格式错误`, ""},
	{"createApplication", `{"appName":"x","oidcConfig":{"grant_types":"code"}}`, `400 参数 oidcConfig.grant_types 格式错误`, ""},
	{"createApplication", `{"appName":"x","oidcConfig":{"client_id":"{plain}"}}`, `400 参数 oidcConfig.client_id 格式错误`, ""},
	{"createApplication", `{"appName":"x","oidcConfig":{"access_token_expire":0}}`, `400`, ""},
	{"createApplication", `{"appName":"x","oidcConfig":{"access_token_expire":99999999999}}`, `400`, ""},
	{"createApplication", `{"appName":"x","oidcConfig":{"response_types":["code id_token"]}}`, `422 返回类型 code id_token 需要授权模式 implicit`, ""},
	{"createApplication", `{"appName":"x","oidcConfig":{"grant_types":["implicit"],"response_types":["token"]}}`, `422 token 不安全，仅在应用开启 legacy 后可用`, ""},
	{"createApplication", `{"appName":"x","oidcConfig":{"grant_types":["password"]}}`, `422`, ""},
	{"createApplication", `{"appName":"x","oidcConfig":{"token_endpoint_auth_method":"none","grant_types":["client_credentials"]}}`, `422`, ""},
	{"createApplication", `{"appName":"x","loginConfig":{"enabledExtIdpConnIds":[{"extIdpConnId":"c"}]}}`, `404 身份源连接 c 不存在`, ""},
	{"createApplication", `{"appName":"x","loginConfig":{"defaultLoginMethod":{"connectionType":"LDAP"}}}`, `501`, ""},
	{"createApplication", `{"appName":"x","loginConfig":{"defaultLoginMethod":{"connectionType":"QRCODE"}}}`, `400 参数 defaultLoginMethod 格式错误`, ""},
	{"createApplication", `{"appName":"x","loginConfig":{"enabledBasicLoginMethods":[]}}`, `400`, ""},

	{"updateApplication", `{"appId":"{plain}",` + strings.ReplaceAll(fullChange, "full-one", "full-two") + `}`, did, ""},
	{"getApplication", `{"appId":"{plain}"}`, `200 ` + strings.ReplaceAll(fullApp, "full-one", "full-two"), ""},
	{"updateApplication", `{"appId":"{plain}","appDescription":"","ssoShowLaunchpad":true,"enablePermissionApply":true}`, did, ""},
	{"getApplication", `{"appId":"{plain}"}`, `200 {"appName":"Full","appDescription":"","ssoEnabled":false}`, ""},
	{"updateApplication", `{"appId":"{plain}","appName":"Plain","ssoEnabled":true,"defaultProtocol":"oidc","loginConfig":{"enabledBasicLoginMethods":["EMAIL_PASSWORD"]}}`, did, ""},
	{"getApplication", `{"appId":"{plain}"}`, `200 {"ssoEnabled":true,"ssoEnabledAt":"*","loginConfig":{"enabledBasicLoginMethods":["EMAIL_PASSWORD"],"defaultLoginMethod":{"connectionType":"PASSWORD"}}}`, ""},
	{"updateApplication", `{"appId":"{plain}","oidcConfig":{"legacy":false}}`, `422 password 不安全，仅在应用开启 legacy 后可用`, ""},
	{"updateApplication", `{"appId":"{plain}","appIdentifier":"full-one"}`, `409 应用标识已被占用`, ""},
	{"updateApplication", `{"appId":"{plain}","redirectUris":["data:text/html,x"]}`, `400`, ""},
	{"updateApplication", `{"appId":"{full}","redirectUris":["com.example.app:/cb","http://127.0.0.1:0/x"]}`, `400`, ""},
	{"updateApplication", `{"appId":"{full}","redirectUris":["com.example.app:/cb","http://127.0.0.1:8080/x"]}`, did, ""},
	{"updateApplication", `{"appId":"{nobody}","appName":"x"}`, noApp, ""},
	{"updateApplication", `{"appId":"{plain}","templateData":{"a":1}}`, `404`, ""},

	{"listApplications", ``, `200 {"totalCount":3,"list":[{"appId":"{full}"},{"appId":"{plain}"},{"appId":"{app}"}]}`, ""},
	{"listApplications", `{"limit":1,"page":2}`, `200 {"totalCount":3,"list":[{"appId":"{plain}"}]}`, ""},
	{"listApplications", `{"keywords":"PLAI"}`, `200 {"totalCount":1,"list":[{"appId":"{plain}"}]}`, ""},
	{"listApplications", `{"keywords":"full-one"}`, `200 {"totalCount":1,"list":[{"appId":"{full}"}]}`, ""},
	{"listApplications", `{"keywords":"%"}`, nothing, ""},
	{"listApplications", `{"ssoEnabled":true}`, `200 {"totalCount":2,"list":[{"appId":"{plain}"},{"appId":"{app}"}]}`, ""},
	{"listApplications", `{"isIntegrateApp":true}`, nothing, ""},
	{"listApplications", `{"isIntegrateApp":true,"all":true}`, `200 {"totalCount":3}`, ""},
	{"listApplications", `{"isSelfBuiltApp":true}`, `200 {"totalCount":3}`, ""},
	{"listApplications", `{"keywords":"{long}"}`, `400 参数 keywords 格式错误`, ""},
	{"getApplication", `{"appId":"{nobody}"}`, noApp, ""},
	{"getApplication", `{"appId":"x"}`, noApp, ""},
	{"getApplicationSimpleInfo", `{"appId":"{full}"}`, `200 {"appId":"{full}","appIdentifier":"full-one","appName":"Full","appLogo":"*","appDescription":"d","appType":"native","isIntegrateApp":false}`, ""},
	{"getApplicationSimpleInfo", `{"appId":"{nobody}"}`, noApp, ""},
	{"listApplicationSimpleInfo", `{"keywords":"full"}`, `200 {"totalCount":2}`, ""}, // the other has the word in its identifier
	{"listApplicationSimpleInfo", `{"isIntegrateApp":true}`, nothing, ""},
	{"listApplicationSimpleInfo", `{"limit":0}`, `400 参数 limit 格式错误`, ""},

	{"getApplicationSecret", `{"appId":"{plain}"}`, `200 {"secret":"*"}`, "secret=secret"},
	{"refreshApplicationSecret", `{"appId":"{plain}"}`, `200 {"secret":"*"}`, "fresh=secret"},
	{"getApplicationSecret", `{"appId":"{plain}"}`, `200 {"secret":"{fresh}"}`, ""},
	{"getApplicationSecret", `{"appId":"{nobody}"}`, noApp, ""},
	{"refreshApplicationSecret", `{"appId":"{nobody}"}`, noApp, ""},

	{"checkDomainAvailable", `{"domain":"full-one"}`, `200 {"available":false}`, ""},
	{"checkDomainAvailable", `{"domain":"full-one.example.com"}`, `200 {"available":false}`, ""},
	{"checkDomainAvailable", `{"domain":"free-one"}`, `200 {"available":true}`, ""},
	{"checkDomainAvailable", `{"domain":"not one"}`, `200 {"available":false}`, ""},
	{"checkDomainAvailable", `{}`, `400 参数 domain 格式错误`, ""},

	{"listTenantApplications", `{"page":"1","limit":"10","keywords":"full","sso_enabled":false}`, `200 {"totalCount":1,"list":[{"appId":"{full}","tenantAppId":"","name":"Full","applicationType":"native","ssoEnabled":false}]}`, ""},
	{"listTenantApplications", `{"page":1,"limit":51}`, `400 参数 limit 格式错误`, ""},
	{"getVerifyConfigApp", `{"keywords":"plain"}`, `200 {"totalCount":1,"list":[{"appId":"{plain}"}]}`, ""},
	{"getVerifyConfigApp", `{"keywords":"{long}"}`, `400 参数 keywords 格式错误`, ""},

	{"userpollTenantConfig", ``, `200 {"userPoolId":"{pool}","isUserPoolAsTenant":false,"enableSwitchType":"tenant-console","css":"","guardVersion":"Advanced","createTenantScenes":[],
		"ssoPageCustomizationSettings":{},"loginConfig":{"defaultLoginMethod":{"connectionType":"PASSWORD"}}}`, ""},
	{"updateLoginPageConfig", `{"update":{"enableCreateTenant":true,"createTenantScenes":["a"],"ssoPageCustomizationSettings":{"x":1},"config":{"global":{"defaultLanguage":"en-US"}}}}`, did, ""},
	{"updateLoginPageConfig", `{"update":{"passwordTabConfig":[1]}}`, `400 参数 passwordTabConfig 格式错误`, ""},
	{"updateUserPoolTenantConfig", `{"update":{"enableJoinTenant":true,"joinTenantScenes":["b"]}}`, did, ""},
	{"updateUserPoolTenantConfig", `{"update":{"config":{"global":"x"}}}`, `400 参数 global 格式错误`, ""},
	{"updateTenantQrCodeState", `{"enabled":true}`, did, ""},
	{"updateTenantQrCodeState", `{}`, `400 参数 enabled 格式错误`, ""},
	{"userpollTenantConfig", ``, `200 {"enableCreateTenant":true,"createTenantScenes":["a"],"enableJoinTenant":true,"joinTenantScenes":["b"],"enableVerifyDomain":false,
		"ssoPageCustomizationSettings":{"x":1},"loginConfig":{"enabledBasicLoginMethods":["USERNAME_PASSWORD","EMAIL_PASSWORD","PHONE_PASSWORD","PHONE_CODE","EMAIL_CODE","SELF_BUILT_APP_QRCODE"]}}`, ""},
	{"changeUserpoolTenanExtIdpConnState", `{"enabled":true,"connIds":["c"]}`, `404 身份源连接 c 不存在`, ""},

	{"createUsersBatch", `{"list":[{"username":"ann"},{"username":"bob"}]}`, `200`, "ann=0.userId bob=1.userId"},
	{"getUserAccessibleApps", `{"userId":"{ann}"}`, `200 [{"appId":"{full}","appName":"Full","appLogo":"*","appLoginUrl":"https://a.example.com/start","appDefaultLoginStrategy":"ALLOW_ALL"},{"appId":"{plain}"},{"appId":"{app}","appLoginUrl":"*"}]`, ""},
	{"getUserAuthorizedApps", `{"userId":"{ann}"}`, `200 []`, ""},
	{"getApplicationPermissionStrategy", `{"appId":"{full}"}`, `200 {"permissionStrategy":"ALLOW_ALL"}`, ""},
	{"updateApplicationPermissionStrategy", `{"appId":"{full}","permissionStrategy":"DENY_ALL"}`, did, ""},
	{"authorizeApplicationAccess", `{"appId":"{full}","list":[{"targetType":"USER","targetIdentifier":["{ann}"],"effect":"ALLOW"}]}`, did, ""},
	{"getUserAuthorizedApps", `{"userId":"{ann}"}`, `200 [{"appId":"{full}","appDefaultLoginStrategy":"DENY_ALL"}]`, ""},
	{"getUserAccessibleApps", `{"userId":"{bob}"}`, `200 [{"appId":"{plain}"},{"appId":"{app}"}]`, ""},

	{"listApplicationActiveUsers", `{"appId":"{app}"}`, nothing, ""},
	{"listApplicationActiveUsers", `{"appId":"{nobody}"}`, noApp, ""},

	{"deleteApplication", `{"appId":"{nobody}"}`, noApp, ""},
	{"deleteApplication", `{"appId":"{full}"}`, did, ""},
	{"deleteApplication", `{"appId":"{full}"}`, noApp, ""},
	{"getApplication", `{"appId":"{full}"}`, noApp, ""},
	{"getApplicationPermissionStrategy", `{"appId":"{full}"}`, noApp, ""},
	{"getUserAccessibleApps", `{"userId":"{ann}"}`, `200 [{"appId":"{plain}"},{"appId":"{app}"}]`, ""},
	{"createApplication", `{"appName":"Again","appIdentifier":"full-one"}`, `200`, ""},
}

func TestApplications(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		other := h.Pool(t, "second")
		s := newScript(t, h.client())
		s.names["app"], s.names["pool"], s.names["other"] = h.pool.AppID, h.pool.ID, other.AppID
		s.run(t, applicationSteps)
		if s.names["secret"] == s.names["fresh"] {
			t.Error("the secret is still the same")
		}

		// Who has signed in.
		ctx := h.pool.As(t.Context())
		app, err := h.Signin.PoolApplication(ctx, h.pool.ID, h.pool.AppID)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"ann", "bob", "ann"} {
			u, err := h.Directory.User(ctx, h.pool.ID, directory.ByID(s.names[name]))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := h.Signin.IssueTokens(ctx, signin.TokenOrder{App: app, User: u, Scope: []string{"openid"}, AuthTime: h.DB.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		s.run(t, []step{
			{"listApplicationActiveUsers", `{"appId":"{app}","options":{"withCustomData":true,"withIdentities":true,"withDepartmentIds":true}}`,
				`200 {"totalCount":2,"list":[{"userId":"{ann}","customData":{},"identities":[],"departmentIds":[]},{"userId":"{bob}"}]}`, ""},
			{"listApplicationActiveUsers", `{"appId":"{app}","options":{"pagination":{"limit":1,"page":2}}}`, `200 {"totalCount":2,"list":[{"userId":"{bob}"}]}`, ""},
			{"listApplicationActiveUsers", `{"appId":"{app}","options":{"pagination":{"limit":51}}}`, `400 参数 limit 格式错误`, ""},
		})

		// Another pool's applications are not there.
		for operation, extra := range map[string]string{"getApplication": "", "updateApplication": `,"appName":"mine"`, "deleteApplication": "", "getApplicationSecret": "",
			"refreshApplicationSecret": "", "getApplicationSimpleInfo": "", "listApplicationActiveUsers": "", "updateApplicationMfaSettings": `,"enabledFactors":["OTP"]`,
			"getMfaTriggerData": `,"userId":"{ann}"`} {
			s.run(t, []step{{operation, `{"appId":"{other}"` + extra + `}`, noApp, ""}})
		}
		s.run(t, []step{{"listApplications", `{"keywords":"{other}"}`, nothing, ""}})
		if app, err := h.Signin.PoolApplication(t.Context(), other.ID, other.AppID); err != nil || app.Name == "mine" {
			t.Errorf("the other pool's application is %+v, %v", app, err)
		}
	})
}

// The page of one application, which only the header names.
func TestLoginPageOfApplication(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		a := h.client().with("x-authing-app-id", h.pool.AppID).send(t, "POST", "/api/v3/update-login-page-config", `{"update":{"enableJoinTenant":true}}`)
		if a.StatusCode != 200 {
			t.Fatal(a.Text)
		}
		app, err := h.Signin.Application(t.Context(), h.pool.AppID)
		if err != nil || app.Settings.LoginPage != `{"enableJoinTenant":true}` {
			t.Errorf("the application keeps %q, %v", app.Settings.LoginPage, err)
		}
		if p, err := h.Directory.Pool(t.Context(), h.pool.ID); err != nil || p.Settings.LoginPage != nil {
			t.Errorf("the pool keeps %v, %v", p.Settings.LoginPage, err)
		}
	})
}

// What the wire has no words for.
func TestOwnApplicationSettings(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		other := h.Pool(t, "second")
		names := map[string]string{"app": h.pool.AppID, "other": other.AppID, "nobody": "ffffffffffffffffffffffff"}
		fill := func(text string) string {
			for name, value := range names {
				text = strings.ReplaceAll(text, "{"+name+"}", value)
			}
			return text
		}
		own := []string{`"enabled":true,"appType":"web","registerDisabled":false,"loginMethods":["USERNAME_PASSWORD","EMAIL_PASSWORD","PHONE_PASSWORD","PHONE_CODE","EMAIL_CODE"],
			"registerMethods":["EMAIL_PASSWORD","EMAIL_CODE","PHONE_CODE"],"completionPlaces":[],"completionFields":[],"skipCompletion":false,"agreementEnabled":false,"sessionLifetime":0,
			"hideRegisterButton":false,"primaryColor":"","texts":{}`, `"enabled":false,"appType":"spa","registerDisabled":true,"loginMethods":["EMAIL_CODE","PASSKEY"],"registerMethods":["USERNAME_PASSWORD"],
			"completionPlaces":["login"],"completionFields":[{"name":"nickname","required":true}],"skipCompletion":true,"agreementEnabled":true,"sessionLifetime":600,
			"hideRegisterButton":true,"primaryColor":"#00ff00","texts":{"title.en-US":"Hi"}`}
		for i, x := range []struct{ method, path, params, want string }{
			{"GET", "get-application-settings", `{"appId":"{app}"}`, `200 {"appId":"{app}",` + own[0] + `}`},
			{"POST", "update-application-settings", `{"appId":"{app}"}`, `200 {"appId":"{app}",` + own[0] + `}`},
			{"POST", "update-application-settings", `{"appId":"{app}",` + own[1] + `}`, `200 {"appId":"{app}",` + own[1] + `}`},
			{"GET", "get-application-settings", `{"appId":"{app}"}`, `200 {"appId":"{app}",` + own[1] + `}`},
			{"POST", "update-application-settings", `{"appId":"{app}","enabled":true}`, `200 {"enabled":true,"appType":"spa"}`},
			{"POST", "update-application-settings", `{"appId":"{app}","appType":"car"}`, `400 参数 appType 格式错误`},
			{"POST", "update-application-settings", `{"appId":"{app}","loginMethods":["MAGIC"]}`, `400 参数 enabledBasicLoginMethods 格式错误`},
			{"POST", "update-application-settings", `{"appId":"{app}","primaryColor":"red"}`, `400 参数 primaryColor 格式错误`},
			{"POST", "update-application-settings", `{"appId":"{app}","sessionLifetime":5}`, `400 参数 sessionLifetime 格式错误`},
			{"POST", "update-application-settings", `{"appId":"{other}","enabled":false}`, `404 应用不存在`},
			{"GET", "get-application-settings", `{"appId":"{other}"}`, `404 应用不存在`},
			{"GET", "get-application-settings", `{}`, `400 参数 appId 格式错误`},

			{"GET", "get-sign-in-policy", ``, `200 {"appId":null,"customSecurityEnabled":false,"passwordStrength":1,"sessionLifetime":1209600,"sessionIdleTimeout":604800,"verifyCodeLifetime":600,
				"customPasswordStrength":{"enabled":false,"minLength":8},"passwordUpdatePolicy":{"enabled":false},"mfaFactors":[],"mfaRememberFor":0,"registerDisabled":false}`},
			{"POST", "update-sign-in-policy", `{"passwordStrength":5,"customPasswordStrength":{"minLength":12,"regex":"^x"},"sessionIdleTimeout":3600,"mfaFactors":["PASSKEY"],"mfaRememberFor":86400}`,
				`200 {"appId":null,"passwordStrength":5,"customPasswordStrength":{"enabled":false,"minLength":12,"regex":"^x","classes":0},"sessionIdleTimeout":3600,"mfaFactors":["PASSKEY"],"mfaRememberFor":86400}`},
			{"GET", "get-sign-in-policy", `{"appId":"{app}"}`, `200 {"appId":"{app}","passwordStrength":5,"mfaFactors":["PASSKEY"]}`},
			{"POST", "update-sign-in-policy", `{"appId":"{app}","customSecurityEnabled":true,"passwordStrength":2,"mfaFactors":[]}`,
				`200 {"appId":"{app}","customSecurityEnabled":true,"passwordStrength":2,"sessionIdleTimeout":3600,"mfaFactors":[]}`},
			{"GET", "get-sign-in-policy", ``, `200 {"appId":null,"passwordStrength":5,"mfaFactors":["PASSKEY"]}`},
			{"POST", "update-sign-in-policy", `{"passwordStrength":6}`, `400 参数 passwordStrength 格式错误`},
			{"POST", "update-sign-in-policy", `{"customPasswordStrength":{"regex":"("}}`, `400 参数 regex 格式错误`},
			{"POST", "update-sign-in-policy", `{"mfaFactors":["FACE"]}`, `501 暂不支持认证因素 FACE`},
			{"POST", "update-sign-in-policy", `{"appId":"{app}","verifyCodeLength":99}`, `400 参数 verifyCodeLength 格式错误`},
			{"POST", "update-sign-in-policy", `{"appId":"{other}","passwordStrength":0}`, `404 应用不存在`},
			{"GET", "get-sign-in-policy", `{"appId":"{nobody}"}`, `404 应用不存在`},
		} {
			a := h.client().send(t, x.method, "/api/v3/x/"+x.path, canonical(t, fill(x.params)))
			status, rest, _ := strings.Cut(fill(x.want), " ")
			if got := strconv.Itoa(a.StatusCode); got != status || got != "200" && a.Message != rest {
				t.Errorf("step %d, %s %s: %s, want %s", i, x.path, x.params, a.Text, x.want)
				continue
			}
			var want any
			if status != "200" {
				continue
			}
			if err := json.Unmarshal([]byte(rest), &want); err != nil {
				t.Fatal(err)
			}
			if d := differs("data", want, a.Data); d != "" {
				t.Errorf("step %d, %s %s: %s in %s", i, x.path, x.params, d, a.Text)
			}
		}
	})
}

// What users may apply for: applications that take applications and have not shut them out, and such roles that are in force.
func TestApplicable(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.client())
		s.names["app"] = h.pool.AppID
		s.run(t, []step{
			{"createUser", `{"username":"ann"}`, `200`, "ann=userId"},
			{"createApplication", `{"appName":"Shop","appType":"spa"}`, `200`, "shop=appId"},
			{"createApplication", `{"appName":"Closed"}`, `200`, "closed=appId"},
			{"updateApplication", `{"appId":"{shop}","enablePermissionApply":true}`, did, ""},
			{"updateApplication", `{"appId":"{closed}","enablePermissionApply":true}`, did, ""},
			{"authorizeApplicationAccess", `{"appId":"{closed}","list":[{"targetType":"USER","targetIdentifier":["{ann}"],"effect":"DENY"}]}`, did, ""},
			{"createRolesBatch", `{"list":[{"code":"cook","name":"Cook","namespace":"{shop}"},{"code":"boss","namespace":"{shop}"},{"code":"gone","namespace":"{shop}"}]}`, did, ""},
			{"updateRole", `{"code":"cook","namespace":"{shop}","enablePermissionApply":true}`, did, ""},
			{"updateRole", `{"code":"gone","namespace":"{shop}","enablePermissionApply":true,"status":"DISABLED"}`, did, ""},
		})
		token, err := h.Signin.UserToken(h.pool.As(t.Context()), h.pool.ID, s.names["ann"], "")
		if err != nil {
			t.Fatal(err)
		}
		u := newScript(t, h.client().bearer("Bearer "+token.Text))
		u.names = s.names
		other := h.Pool(t, "second")
		u.names["other"] = other.AppID
		u.run(t, []step{
			{"getEnablePermissionApplyApplicationList", ``, `200 {"list":[{"appId":"{shop}","appName":"Shop","logo":"","appType":"spa"}]}`, ""},
			{"getEnablePermissionApplyApplicationList", `{"appName":"SHO"}`, `200 {"list":[{"appId":"{shop}"}]}`, ""},
			{"getEnablePermissionApplyApplicationList", `{"appName":"none"}`, `200 {"list":[]}`, ""},
			{"getEnablePermissionApplyApplicationList", `{"appName":"{long}"}`, `400 参数 appName 格式错误`, ""},
			{"getEnablePermissionApplyRoleList", `{"appId":"{shop}"}`, `200 {"totalCount":1,"list":[{"roleId":"*","code":"cook","name":"Cook","description":""}]}`, ""},
			{"getEnablePermissionApplyRoleList", `{"appId":"{shop}","keyword":"boss"}`, nothing, ""},
			{"getEnablePermissionApplyRoleList", `{"appId":"{app}"}`, nothing, ""},
			{"getEnablePermissionApplyRoleList", `{"appId":"{other}"}`, `404 应用不存在`, ""},
			{"getEnablePermissionApplyRoleList", `{}`, `400 参数 appId 格式错误`, ""},
		})
	})
}
