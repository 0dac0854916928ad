package hosted

import (
	"github.com/guildhall-id/guildhall/internal/fault"
)

// What the pages refuse by themselves.
var (
	errStale         = fault.New(fault.Forbidden, "page_stale")
	errPageNotFound  = fault.New(fault.NotFound, "page_not_found")
	errFieldMissing  = fault.New(fault.Invalid, "field_missing")
	errNotRepeated   = fault.New(fault.Invalid, "password_not_repeated")
	errNotAgreed     = fault.New(fault.Invalid, "agreement_missing")
	errFieldType     = fault.New(fault.Invalid, "field_type")
	errNoApplication = fault.New(fault.NotFound, "application_not_found")
)

// refusals word the refusals of the domain and of the pages for people, in English and in Chinese. A code that is not here is worded by its kind.
var refusals = map[string][2]string{
	"login_password_wrong":     {"The account or the password is wrong.", "账号或密码错误。"},
	"login_user_blocked":       {"This account has been disabled. Please contact your administrator.", "账号已被停用，请联系管理员。"},
	"user_shut":                {"This account may not sign in. Please contact your administrator.", "该账号无法登录，请联系管理员。"},
	"login_email_unverified":   {"Please verify your e-mail address first.", "请先验证您的邮箱。"},
	"login_app_forbidden":      {"You may not use this application. Please contact your administrator.", "您没有访问此应用的权限，请联系管理员。"},
	"login_app_disabled":       {"This application is switched off.", "该应用已停用。"},
	"login_method_off":         {"This way of signing in is not offered here.", "此处不支持该登录方式。"},
	"login_flow_gone":          {"This sign-in took too long or failed too often. Please sign in again.", "登录已超时或失败次数过多，请重新登录。"},
	"login_locked":             {"This account is locked after too many tries. Please try again later.", "尝试次数过多，账号已被锁定，请稍后再试。"},
	"login_flood":              {"Too many tries from your network. Please try again later.", "您的网络尝试次数过多，请稍后再试。"},
	"lookups_too_many":         {"Too many tries at once. Please wait a moment.", "操作过于频繁，请稍候再试。"},
	"captcha_needed":           {"Please type the characters in the picture.", "请输入图片中的字符。"},
	"captcha_wrong":            {"These are not the characters in the picture. Here is a new one.", "图片字符输入错误，请重新输入。"},
	"unlock_off":               {"Accounts are not unlocked here. Please contact your administrator.", "此处不支持自助解锁，请联系管理员。"},
	"unlock_password_needed":   {"Please enter your password as well.", "请同时输入密码。"},
	"passcode_wrong":           {"The code is wrong.", "验证码错误。"},
	"passcode_expired":         {"The code is not valid any more. Please send a new one.", "验证码已失效，请重新发送。"},
	"passcode_too_often":       {"A code was sent a moment ago. Please wait a minute.", "验证码发送过于频繁，请一分钟后再试。"},
	"mail_not_configured":      {"E-mail cannot be sent here. Please contact your administrator.", "此处无法发送邮件，请联系管理员。"},
	"sms_not_configured":       {"Text messages cannot be sent here. Please contact your administrator.", "此处无法发送短信，请联系管理员。"},
	"otp_wrong":                {"The code is wrong, or it has been used already.", "验证码错误或已被使用。"},
	"otp_missing":              {"Please enter the code.", "请输入验证码。"},
	"otp_not_pending":          {"Setting up took too long. Please begin again.", "设置已超时，请重新开始。"},
	"recovery_code_wrong":      {"The recovery code is wrong, or it has been used already.", "恢复代码错误或已被使用。"},
	"recovery_code_missing":    {"Please enter the recovery code.", "请输入恢复代码。"},
	"factor_refused":           {"This way to confirm is not offered for this sign-in.", "此次登录不支持该验证方式。"},
	"factor_unsupported":       {"This way to confirm is not offered here.", "此处不支持该验证方式。"},
	"factor_enrolled":          {"This has been set up already.", "已设置过该验证方式。"},
	"passkey_wrong":            {"This passkey did not prove who you are.", "通行密钥验证失败。"},
	"passkey_cloned":           {"This passkey seems to have been copied and is refused. Please contact your administrator.", "该通行密钥疑似被复制，已拒绝使用，请联系管理员。"},
	"passkey_taken":            {"This passkey is in use already.", "该通行密钥已被使用。"},
	"passkey_ticket_invalid":   {"That took too long. Please try again.", "操作超时，请重试。"},
	"passkey_no_host":          {"Passkeys do not work on this address.", "此地址不支持通行密钥。"},
	"passkey_limit":            {"There are too many passkeys.", "通行密钥数量已达上限。"},
	"password_unsafe":          {"This password is too easy to guess. Please choose a stronger one.", "密码过于简单，请设置更复杂的密码。"},
	"password_unchanged":       {"Please choose a password that you have not used before.", "请设置未使用过的密码。"},
	"password_missing":         {"Please choose a password.", "请设置密码。"},
	"password_busy":            {"Too much is going on. Please try again in a moment.", "服务繁忙，请稍后重试。"},
	"old_password_missing":     {"Please enter your current password.", "请输入当前密码。"},
	"old_password_wrong":       {"The current password is wrong.", "当前密码错误。"},
	"user_not_found":           {"There is no account with this address.", "该账号不存在。"},
	"user_exists":              {"There is an account with this name or address already. Please sign in.", "该账号已存在，请直接登录。"},
	"username_taken":           {"This username is taken.", "该用户名已被使用。"},
	"email_taken":              {"This e-mail address belongs to an account already.", "该邮箱已被使用。"},
	"phone_taken":              {"This phone number belongs to an account already.", "该手机号已被使用。"},
	"field_taken":              {"This is taken already.", "该内容已被使用。"},
	"email_not_writable":       {"This e-mail address has to be confirmed by a code first.", "请先通过验证码确认邮箱。"},
	"phone_not_writable":       {"This phone number has to be confirmed by a code first.", "请先通过验证码确认手机号。"},
	"field_not_writable":       {"You may not change this.", "您无权修改此项。"},
	"register_disabled":        {"Registration is closed here.", "此处未开放注册。"},
	"register_method_off":      {"This way of registering is not offered here.", "此处不支持该注册方式。"},
	"register_too_often":       {"Too many accounts were made from your network. Please try again later.", "您的网络注册过于频繁，请稍后再试。"},
	"register_not_whitelisted": {"Only invited people may register here. Please contact your administrator.", "仅受邀用户可注册，请联系管理员。"},
	"register_account_missing": {"Please say who you are.", "请填写账号信息。"},
	"address_missing":          {"Please enter an e-mail address or a phone number.", "请输入邮箱或手机号。"},
	"completion_missing":       {"Please fill this in.", "请填写此项。"},
	"ticket_invalid":           {"This is over or took too long. Please begin again.", "操作已失效，请重新开始。"},
	"ticket_used":              {"This has been done already. Please begin again.", "该操作已完成，请重新开始。"},
	"ticket_changed":           {"Please try again.", "请重试。"},
	"scan_gone":                {"The code to scan is not valid any more. Here is a new one.", "二维码已失效，已为您刷新。"},
	"scan_waits":               {"Not confirmed yet. Scan the code and confirm on your phone first.", "尚未确认，请先扫码并在手机上确认。"},
	"scan_ticket_invalid":      {"The code to scan is not valid any more.", "二维码已失效。"},
	"scan_in_browser":          {"Scanning is not offered on this page.", "此页面不支持扫码登录。"},
	"scan_state":               {"This scan is over. Please scan again.", "扫码已结束，请重新扫码。"},
	"device_gone":              {"This code is wrong, used, or not valid any more.", "代码错误、已使用或已失效。"},
	"interaction_gone":         {"This sign-in is over or has taken too long. Go back to the application and sign in from there.", "此次登录已结束或已超时，请返回应用重新登录。"},
	"session_none":             {"Please sign in first.", "请先登录。"},
	"deadline":                 {"That took too long. Please try again in a moment.", "请求超时，请稍后重试。"},
	"server_busy":              {"Too much is going on. Please try again in a moment.", "服务繁忙，请稍后重试。"},
	"database_busy":            {"Too much is going on. Please try again in a moment.", "服务繁忙，请稍后重试。"},
	"body_too_large":           {"This is too much at once.", "提交的内容过大。"},
	"page_stale":               {"The page was too old. Please try again.", "页面已过期，请重试。"},
	"page_not_found":           {"There is no such page.", "页面不存在。"},
	"field_missing":            {"Please fill this in.", "请填写此项。"},
	"field_format":             {"This is not in the right form.", "格式不正确。"},
	"field_max":                {"This is too long.", "内容过长。"},
	"field_min":                {"This is too short.", "内容过短。"},
	"field_type":               {"This is not in the right form.", "格式不正确。"},
	"field_undefined":          {"This field is not known.", "未知字段。"},
	"password_not_repeated":    {"The two passwords are not the same.", "两次输入的密码不一致。"},
	"agreement_missing":        {"Please agree to this to go on.", "请先同意此条款。"},
	"application_not_found":    {"There is no such application.", "应用不存在。"},
	"pool_not_found":           {"There is nothing to sign in to yet.", "尚无可登录的应用。"},
}

// kindRefusals word a kind of refusal.
var kindRefusals = map[fault.Kind][2]string{
	fault.Internal:        {"Something went wrong on our side. Please try again in a moment.", "服务器出错，请稍后重试。"},
	fault.Invalid:         {"Please check what you have entered.", "请检查您输入的内容。"},
	fault.Unauthenticated: {"Please sign in first.", "请先登录。"},
	fault.Forbidden:       {"You may not do this.", "您没有权限执行此操作。"},
	fault.NotFound:        {"This does not exist any more.", "内容不存在或已失效。"},
	fault.Conflict:        {"This is taken already.", "已被占用。"},
	fault.Unprocessable:   {"This cannot be done.", "无法执行此操作。"},
	fault.TooLarge:        {"This is too much at once.", "提交的内容过大。"},
	fault.Throttled:       {"Too many tries at once. Please wait a moment.", "操作过于频繁，请稍候再试。"},
	fault.Unsupported:     {"This is not offered here.", "暂不支持此操作。"},
	fault.Unavailable:     {"The service cannot answer right now. Please try again in a moment.", "服务暂时不可用，请稍后重试。"},
	fault.Refused:         {"This was refused.", "请求被拒绝。"},
}

// missing is a refusal about one input of the page.
func missing(e *fault.Error, name string) error { return fault.New(e.Kind, e.Code, name) }

// fieldOf is the input that a refusal is about, "" for one that is about the whole form.
func fieldOf(e *fault.Error) string {
	if f, ok := refusalFields[e.Code]; ok {
		return f
	}
	switch e.Code {
	case "field_format", "field_min", "field_max", "field_missing", "field_undefined", "field_type", "field_taken", "agreement_missing", "completion_missing":
		if len(e.Args) > 0 {
			return e.Args[0]
		}
	}
	return ""
}

// refusalFields are the inputs that refusals are about.
var refusalFields = map[string]string{
	"password_not_repeated": "password_again",
	"password_unsafe":       "password",
	"password_unchanged":    "password",
	"password_missing":      "password",
	"old_password_missing":  "old_password",
	"old_password_wrong":    "old_password",
	"username_taken":        "username",
	"email_taken":           "email",
	"phone_taken":           "phone",
	"passcode_wrong":        "code",
	"passcode_expired":      "code",
	"otp_wrong":             "code",
	"otp_missing":           "code",
	"recovery_code_wrong":   "recovery_code",
	"recovery_code_missing": "recovery_code",
	"captcha_needed":        "captcha",
	"captcha_wrong":         "captcha",
	"device_gone":           "user_code",
}
