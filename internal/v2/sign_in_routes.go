package v2

import (
	"net/http"

	"github.com/guildhall-id/guildhall/internal/gql"
	"github.com/guildhall-id/guildhall/internal/op"
)

// registerSignIn is the table of contents of getting in, for GraphQL.
func (a *API) registerSignIn(s *gql.Schema) {
	anyone, self := op.Anyone, op.SignedInUser
	s.Mutation("loginByEmail", root(anyone, a.loginByPassword))
	s.Mutation("loginByUsername", root(anyone, a.loginByPassword))
	s.Mutation("loginByPhonePassword", root(anyone, a.loginByPassword))
	s.Mutation("loginByPhoneCode", root(anyone, a.loginByPhoneCode))
	s.Mutation("loginBySubAccount", root(anyone, a.loginBySubAccount))
	s.Mutation("registerByEmail", root(anyone, a.registerBy))
	s.Mutation("registerByUsername", root(anyone, a.registerBy))
	s.Mutation("registerByPhoneCode", root(anyone, a.registerBy))
	s.Mutation("sendEmail", root(anyone, a.sendEmail))
	s.Mutation("sendFirstLoginVerifyEmail", root(op.ManagementKey, a.sendFirstLoginVerifyEmail))
	s.Mutation("resetPassword", root(anyone, a.resetPassword))
	s.Mutation("resetPasswordByFirstLoginToken", root(anyone, a.resetPasswordByFirstLoginToken))
	s.Mutation("resetPasswordByForceResetToken", root(anyone, a.resetPasswordByForceResetToken))
	s.Mutation("updatePassword", root(self, a.updatePassword))
	s.Mutation("updateEmail", root(self, a.updateEmail))
	s.Mutation("updatePhone", root(self, a.updatePhone))
	s.Mutation("bindEmail", root(self, a.bindEmail))
	s.Mutation("bindPhone", root(self, a.bindPhone))
	s.Mutation("unbindEmail", root(self, a.unbindEmail))
	s.Mutation("unbindPhone", root(self, a.unbindPhone))
}

// signInRoutes is the table of contents of getting in, for REST.
func (a *API) signInRoutes() []op.Op {
	anyone, self := op.Anyone, op.SignedInUser
	return []op.Op{
		op.Post("/api/v2/email/send", "sendEmail", anyone, a.sendEmail),
		op.Post("/api/v2/email/preCheckCode", "preCheckEmailCode", anyone, a.preCheckCode),
		op.Post("/api/v2/login/account", "login", anyone, a.loginAccount),
		op.Post("/api/v2/login/email-code", "loginByEmailCode", anyone, a.loginEmailCode),
		op.Post("/api/v2/login/phone-code", "loginByPhoneCode", anyone, a.loginPhoneCode),
		op.Get("/api/v2/logout", "logout", anyone, a.logout),
		op.Get("/logout", "logout", anyone, a.logout),
		op.Post("/api/v2/qrcode/gene", "geneCode", anyone, a.geneCode),
		op.Get("/api/v2/qrcode/check", "checkStatus", anyone, a.checkCode),
		op.Post("/api/v2/qrcode/userinfo", "exchangeUserInfo", anyone, a.exchangeUserInfo),
		op.Post("/api/v2/register/email-code", "registerByEmailCode", anyone, a.registerEmailCode),
		op.Post("/api/v2/{registration}", "register", anyone, a.registerREST),
		op.Post("/api/v2/sms/send", "sendSmsCode", anyone, a.sendSMS),
		op.Post("/api/v2/sms/send-login", "sendSmsCode", anyone, a.sendLoginSMS),
		op.Post("/api/v2/sms/send-register", "sendSmsCode", anyone, a.sendRegisterSMS),
		op.Post("/api/v2/sms/preCheckCode", "preCheckPhoneCode", anyone, a.preCheckCode),
		op.Query("/api/v2/users/login/check-status", "checkLoginStatus", anyone, a.checkStatus),
		op.Get("/api/v2/users/me", "getCurrentUser", self, a.me),
		op.Get("/api/v2/users/me/applications/allowed", "listApplications", self, a.allowedApplications),
		op.Get("/api/v2/users/me/security-level", "getSecurityLevel", self, a.securityLevel),
		op.Post("/api/v2/users/password/forget/check-code", "checkResetCode", anyone, a.checkReset),
		op.Post("/api/v2/users/password/forget/link-reset-password", "resetPasswordByLink", anyone, a.linkReset),
		op.Post("/api/v2/users/password/password-reset", "resetPassword", anyone, a.passwordReset),
		op.Get("/cas/session", "trackSession", anyone, a.trackSession),

		// Where people are kept elsewhere.
		op.Unserved("POST", "/api/v2/login/ad-all-in-one", "loginByAd"),
		op.Unserved("POST", "/interaction/federation/binding/byAccount", "bindFederationAccount"),
		op.Unserved("POST", "/interaction/federation/binding/byPhoneCode", "bindFederationAccount"),
		op.Unserved("POST", "/interaction/federation/binding/byEmailCode", "bindFederationAccount"),
		op.Unserved("POST", "/interaction/federation/binding/select", "bindFederationAccount"),
	}
}

// mountSignIn serves what has no envelope: a picture, and the address that browsers are sent to.
func (a *API) mountSignIn(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v2/security/captcha", a.captcha)
	mux.HandleFunc("GET /login/profile/logout", a.leave)
}
