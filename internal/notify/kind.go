package notify

import "strings"

// Kind is what a message is about.
type Kind string

// Kinds whose mails a pool can word itself, as the V3 wire names them (EmailTemplateDto.type).
const (
	Welcome            Kind = "WELCOME_EMAIL"
	FirstCreatedUser   Kind = "FIRST_CREATED_USER"
	RegisterCode       Kind = "REGISTER_VERIFY_CODE"
	LoginCode          Kind = "LOGIN_VERIFY_CODE"
	MFACode            Kind = "MFA_VERIFY_CODE"
	CompletionCode     Kind = "INFORMATION_COMPLETION_VERIFY_CODE"
	FirstEmailVerify   Kind = "FIRST_EMAIL_LOGIN_VERIFY"
	ConsoleVerify      Kind = "CONSOLE_CONDUCTED_VERIFY"
	PasswordReminder   Kind = "USER_PASSWORD_UPDATE_REMIND"
	PasswordResetAdmin Kind = "ADMIN_RESET_USER_PASSWORD_NOTIFICATION"
	PasswordReset      Kind = "USER_PASSWORD_RESET_NOTIFICATION"
	ResetCode          Kind = "RESET_PASSWORD_VERIFY_CODE"
	UnlockCode         Kind = "SELF_UNLOCKING_VERIFY_CODE"
	BindCode           Kind = "EMAIL_BIND_VERIFY_CODE"
	UnbindCode         Kind = "EMAIL_UNBIND_VERIFY_CODE"
)

// Kinds of our own: the wire has no word for them.
const (
	IdentityCode Kind = "IDENTITY_VERIFY_CODE"
	DeleteCode   Kind = "DELETE_ACCOUNT_VERIFY_CODE"
)

// Kinds are those that a pool can word, in the order in which they are listed.
var Kinds = []Kind{Welcome, FirstCreatedUser, RegisterCode, LoginCode, MFACode, CompletionCode, FirstEmailVerify, ConsoleVerify, PasswordReminder,
	PasswordResetAdmin, PasswordReset, ResetCode, UnlockCode, BindCode, UnbindCode}

// says is a message as it comes, in both languages: what it is called, and a sentence above what the kind shows, which is the
// code, a link, or nothing.
type says struct {
	name, nameEn       string
	subject, subjectEn string
	text, textEn       string
	shows              string // code | link | ""
}

var comes = map[Kind]says{
	Welcome: {"欢迎邮件", "Welcome", "欢迎加入 {{app_name}}", "Welcome to {{app_name}}",
		"您的账号已创建成功，欢迎使用 {{app_name}}。", "Your account has been created. Welcome to {{app_name}}.", ""},
	FirstCreatedUser: {"首次创建用户通知", "Account created for you", "您的 {{app_name}} 账号已创建", "Your account for {{app_name}}",
		"管理员已为您创建 {{app_name}} 账号。初始密码：{{password}} 请登录后尽快修改密码。", "An administrator has made an account for {{app_name}} for you. Initial password: {{password}} Please change it after you sign in.", ""},
	RegisterCode: {"注册验证码", "Sign-up code", "{{app_name}} 注册验证码", "Your sign-up code for {{app_name}}",
		"您正在注册 {{app_name}}，验证码为：", "You are signing up for {{app_name}}. Your code is:", "code"},
	LoginCode: {"登录验证码", "Sign-in code", "{{app_name}} 登录验证码", "Your sign-in code for {{app_name}}",
		"您正在登录 {{app_name}}，验证码为：", "You are signing in to {{app_name}}. Your code is:", "code"},
	MFACode: {"多因素认证验证码", "Second factor code", "{{app_name}} 安全验证码", "Your verification code for {{app_name}}",
		"您正在进行 {{app_name}} 的安全验证，验证码为：", "You are confirming that it is you at {{app_name}}. Your code is:", "code"},
	CompletionCode: {"信息补全验证码", "Profile completion code", "{{app_name}} 信息补全验证码", "Confirm your address for {{app_name}}",
		"您正在补全 {{app_name}} 的账号信息，验证码为：", "You are completing your profile at {{app_name}}. Your code is:", "code"},
	FirstEmailVerify: {"首次邮箱登录验证", "First sign-in verification", "请验证您的 {{app_name}} 邮箱", "Verify your address for {{app_name}}",
		"请点击以下链接验证您的邮箱：", "Please open this link to verify your address:", "link"},
	ConsoleVerify: {"控制台发起验证", "Verification asked by an administrator", "请验证您的 {{app_name}} 邮箱", "Verify your address for {{app_name}}",
		"请点击以下链接验证您的邮箱：", "Please open this link to verify your address:", "link"},
	PasswordReminder: {"密码到期提醒", "Password about to expire", "您的 {{app_name}} 密码即将到期", "Your password for {{app_name}} is about to expire",
		"您的密码即将到期，请尽快登录并修改密码。", "Your password is about to expire. Please sign in and change it.", ""},
	PasswordResetAdmin: {"管理员重置密码提醒", "Password reset by an administrator", "您的 {{app_name}} 密码已被管理员重置", "Your password for {{app_name}} was reset",
		"管理员已重置您的密码。新密码：{{password}} 请登录后尽快修改。", "An administrator has reset your password. New password: {{password}} Please change it after you sign in.", ""},
	PasswordReset: {"密码修改成功提醒", "Password changed", "您的 {{app_name}} 密码已修改", "Your password for {{app_name}} was changed",
		"您的密码刚刚被修改。如非本人操作，请立即联系管理员。", "Your password has just been changed. If it was not you, tell your administrator at once.", ""},
	ResetCode: {"重置密码验证码", "Password reset code", "{{app_name}} 重置密码验证码", "Reset your password for {{app_name}}",
		"您正在重置 {{app_name}} 的密码，验证码为：", "You are resetting your password for {{app_name}}. Your code is:", "code"},
	UnlockCode: {"自助解锁验证码", "Unlock code", "{{app_name}} 账号解锁验证码", "Unlock your account for {{app_name}}",
		"您正在解锁 {{app_name}} 账号，验证码为：", "You are unlocking your account for {{app_name}}. Your code is:", "code"},
	BindCode: {"绑定邮箱验证码", "Bind address code", "{{app_name}} 绑定邮箱验证码", "Confirm your new address for {{app_name}}",
		"您正在为 {{app_name}} 账号绑定此地址，验证码为：", "You are adding this address to your account at {{app_name}}. Your code is:", "code"},
	UnbindCode: {"解绑邮箱验证码", "Unbind address code", "{{app_name}} 解绑邮箱验证码", "Remove your address from {{app_name}}",
		"您正在为 {{app_name}} 账号解绑此地址，验证码为：", "You are removing this address from your account at {{app_name}}. Your code is:", "code"},
	IdentityCode: {"身份验证码", "Identity code", "{{app_name}} 身份验证码", "Your verification code for {{app_name}}",
		"您正在进行 {{app_name}} 的身份验证，验证码为：", "You are confirming who you are at {{app_name}}. Your code is:", "code"},
	DeleteCode: {"注销账号验证码", "Account deletion code", "{{app_name}} 注销账号验证码", "Delete your account at {{app_name}}",
		"您正在注销 {{app_name}} 账号，验证码为：", "You are deleting your account at {{app_name}}. Your code is:", "code"},
}

// Known reports whether there is such a kind.
func (k Kind) Known() bool { _, ok := comes[k]; return ok }

// shows is what follows the sentence of a message, and what stands at its end, as placeholders.
func (s says) tail(english bool) (shown, after string) {
	switch {
	case s.shows == "code" && english:
		return "{{verify_code}}", "It is good for {{expires_in}} minutes and works once. Tell it to nobody. If you did not ask for it, ignore this message."
	case s.shows == "code":
		return "{{verify_code}}", "验证码 {{expires_in}} 分钟内有效，仅可使用一次，请勿告知他人。如非本人操作，请忽略此消息。"
	case s.shows == "link" && english:
		return "{{verify_link}}", "The link is good for {{expires_in}} minutes. If you did not ask for it, ignore this message."
	case s.shows == "link":
		return "{{verify_link}}", "链接 {{expires_in}} 分钟内有效。如非本人操作，请忽略此消息。"
	}
	return "", ""
}

// html is a message's mail as it comes: one column, no pictures, nothing from elsewhere.
func (s says) html(english bool) string {
	text, lang := s.text, "zh-CN"
	if english {
		text, lang = s.textEn, "en"
	}
	shown, after := s.tail(english)
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><html lang="` + lang + `"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
		`<title>{{app_name}}</title></head><body style="margin:0;padding:24px;background:#f4f5f7;color:#1f2329;font-family:sans-serif;line-height:1.6">` +
		`<div style="max-width:520px;margin:0 auto;padding:32px;background:#ffffff;border-radius:8px">` +
		`<h1 style="margin:0 0 16px;font-size:18px">{{app_name}}</h1><p>` + text + `</p>`)
	switch shown {
	case "{{verify_code}}":
		b.WriteString(`<p style="font-size:28px;font-weight:bold;letter-spacing:6px;margin:24px 0">{{verify_code}}</p>`)
	case "{{verify_link}}":
		b.WriteString(`<p style="margin:24px 0"><a href="{{verify_link}}" style="word-break:break-all">{{verify_link}}</a></p>`)
	}
	if after != "" {
		b.WriteString(`<p style="color:#646a73;font-size:13px">` + after + `</p>`)
	}
	b.WriteString(`</div></body></html>`)
	return b.String()
}

// plain is a message in words alone, for texts and for mail readers that show no HTML.
func (s says) plain(english bool) string {
	text := s.text
	if english {
		text = s.textEn
	}
	shown, after := s.tail(english)
	parts := []string{text}
	if shown != "" {
		parts = append(parts, shown)
	}
	if after != "" {
		parts = append(parts, after)
	}
	return strings.Join(parts, "\n")
}
